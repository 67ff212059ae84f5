// Answers one question that takes long enough to keep heartbeats waiting, and ends. Started by ask.ts.
import { parentPort, workerData } from "node:worker_threads";
import { unreachable } from "@ringwall/model";
import { inventoryOf, policySetOf } from "@ringwall/policy";
import type { World } from "../compile-fleet.ts";
import { parseDraft } from "../draft.ts";
import { driftFrom, learnFrom, updateFrom } from "../learn.ts";
import { simulateSeen } from "../simulate.ts";
import { createNamer } from "../software-names.ts";
import type { PlainWorld, Question } from "./questions.ts";

function worldOf({ resources, workloads }: PlainWorld): World {
  const inventory = inventoryOf(workloads);
  if (!inventory.ok) throw new Error("bug: a question about an inventory with two workloads of one name");
  return { set: policySetOf(resources), inventory: inventory.value };
}

function answer(question: Question): unknown {
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
    case "parse":
      return parseDraft(question.files);
    default:
      return unreachable(question);
  }
}

parentPort?.postMessage(answer(workerData as Question));
