import { type ProposedRule, withoutRule, withRule } from "@ringwall/learner";
import type { DraftFile } from "../store/state/tables.ts";
import { DRAFT_FILE } from "./draft.ts";

/** What people's word on a proposed rule means for the draft. */
export type RuleEdit = {
  readonly kind: "remove" | "restore";
  readonly policy: string;
  readonly rule: ProposedRule;
};

/** The draft after one edit and the other. */
export function withEdits(files: readonly DraftFile[], edits: readonly RuleEdit[]): readonly DraftFile[] {
  return edits.reduce(
    (now, { kind, policy, rule }) =>
      kind === "remove"
        ? withoutRule(now, policy, rule)
        : withRule(now, policy, rule, { file: DRAFT_FILE, text: "" }),
    files,
  );
}
