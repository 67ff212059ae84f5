import { editRules } from "@ringwall/learner";
import { unreachable } from "@ringwall/model";
import { checkPolicy, formatResources, inventoryOf, policySetOf } from "@ringwall/policy";
import type { DraftFile } from "../../store/state/tables.ts";
import type { World } from "../compile-fleet.ts";
import { DRAFT_FILE, draftWithMode, parseDraft } from "../draft.ts";
import type { Asker } from "./ask.ts";
import type { AnswerOf, PlainWorld, PolicyQuestion } from "./questions.ts";

/** Characters of a policy that is worked on sooner than a thread is there for it; megabytes would keep heartbeats waiting. */
export const ANSWERED_HERE_LENGTH_MAX = 64 * 1024;

/** Asks for work on one policy. */
export type PolicyAsker = <Q extends PolicyQuestion>(question: Q) => Promise<AnswerOf<Q>>;

/** Answers at once where the policy is short, and asks a thread where it is long. */
export function createPolicyAsker(ask: Asker): PolicyAsker {
  return async (question) => (isLong(question) ? ask(question) : answerHere(question));
}

export function answerHere<Q extends PolicyQuestion>(question: Q): AnswerOf<Q> {
  // TypeScript does not follow a type parameter into the branches.
  return answerOf(question) as AnswerOf<Q>;
}

function answerOf(question: PolicyQuestion): AnswerOf<PolicyQuestion> {
  switch (question.kind) {
    case "parse":
      return parseDraft(question.files);
    case "mode":
      return draftWithMode(question.files, question.segment);
    case "format":
      return formatResources(question.resources);
    case "check": {
      const { set, inventory } = worldOf(question.world);
      return checkPolicy(set, inventory, question.options);
    }
    case "review":
      return editRules(question.files, question.edits, homeOf(question.files));
    default:
      return unreachable(question);
  }
}

/** The file that a policy returns into which no file has any more. */
function homeOf(files: readonly DraftFile[]): DraftFile {
  return files.find(({ file }) => file === DRAFT_FILE) ?? { file: DRAFT_FILE, text: "" };
}

export function worldOf({ resources, workloads }: PlainWorld): World {
  const inventory = inventoryOf(workloads);
  if (!inventory.ok) throw new Error("bug: a question about an inventory with two workloads of one name");
  return { set: policySetOf(resources), inventory: inventory.value };
}

function isLong(question: PolicyQuestion): boolean {
  if (question.kind === "format") return areLong(question.resources);
  if (question.kind === "check")
    return areLong(question.world.resources) || areLong(question.world.workloads);
  const length = question.files.reduce((sum, { text }) => sum + text.length, 0);
  return length > ANSWERED_HERE_LENGTH_MAX || (question.kind === "review" && areLong(question.edits));
}

/** Looks no further than it has to. */
function areLong(parts: readonly object[]): boolean {
  let length = 0;
  return parts.some((one) => {
    length += JSON.stringify(one).length;
    return length > ANSWERED_HERE_LENGTH_MAX;
  });
}
