import type { Problem } from "@ringwall/model";
import { type Refusal, refusal } from "../../refusal.ts";

export function draftRefused(problems: readonly Problem[]): Refusal {
  return refusal(422, "policy-refused", "the draft has errors, so that no host judges by it", {
    problems,
    fix: "put right what the problems name",
  });
}

export function noShadow(detail: string): Refusal {
  return refusal(404, "no-shadow", detail, {
    fix: "`ringwall shadow start` lets the draft meet live traffic",
  });
}
