// Answers one question that takes long enough to keep heartbeats waiting, and ends. Started by ask.ts.
import { parentPort, workerData } from "node:worker_threads";
import { driftFrom, learnFrom, updateFrom } from "../learn.ts";
import { newFiles, updatedFiles } from "../learned-files.ts";
import { simulateSeen } from "../simulate.ts";
import { createNamer } from "../software-names.ts";
import { answerHere, worldOf } from "./policies.ts";
import type { AnswerOf, Question } from "./questions.ts";

function answer(question: Question): AnswerOf<Question> {
  switch (question.kind) {
    case "learn": {
      const { seen, inventory, options, kept } = question;
      const taken = kept.map((one) => one.metadata.name);
      const found = learnFrom(seen, inventory, options, taken);
      const resources = [...kept, ...found.resources];
      return { ...found, resources, files: newFiles(resources, found.report) };
    }
    case "update": {
      const { seen, world, options, files } = question;
      const found = updateFrom(seen, world.workloads, options, world.resources);
      return found === null ? null : { ...found, files: updatedFiles(files, found) };
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
