// Answers one question that takes long enough to keep heartbeats waiting, and ends. Started by ask.ts.
import { parentPort, workerData } from "node:worker_threads";
import { driftFrom, learnFrom, updateFrom } from "../learn.ts";
import { simulateSeen } from "../simulate.ts";
import { createNamer } from "../software-names.ts";
import { answerHere, worldOf } from "./policies.ts";
import type { AnswerOf, Question } from "./questions.ts";

function answer(question: Question): AnswerOf<Question> {
  switch (question.kind) {
    case "learn":
      return learnFrom(question.seen, question.inventory, question.options, question.taken);
    case "update": {
      const { seen, world, options } = question;
      return updateFrom(seen, world.workloads, options, world.resources);
    }
    case "drift": {
      const { seen, world, options } = question;
      return driftFrom(seen, world.workloads, options, world.resources);
    }
    case "simulate": {
      const { seen, draft, live, essential, proof, software } = question;
      return simulateSeen(seen, worldOf(draft), worldOf(live), essential, proof, createNamer(software));
    }
    default:
      return answerHere(question);
  }
}

parentPort?.postMessage(answer(workerData as Question));
