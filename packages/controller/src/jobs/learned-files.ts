import { editPolicyText, formatPolicies, type LearnReport, type UpdateResult } from "@ringwall/learner";
import type { Resource } from "@ringwall/model";
import { formatResources } from "@ringwall/policy";
import type { DraftFile } from "../store/state/tables.ts";
import { DRAFT_FILE } from "./draft.ts";

/** The draft that a proposal makes anew. */
export function newFiles(resources: readonly Resource[], report: LearnReport): readonly DraftFile[] {
  const text = formatWithEvidence(resources, report);
  return text === "" ? [] : [{ file: DRAFT_FILE, text }];
}

/** Edits in people's text, and a file of its own for what is new. */
export function updatedFiles(
  files: readonly DraftFile[],
  { edits, added, report }: UpdateResult,
): readonly DraftFile[] {
  const edited = files.map(({ file, text }) => ({ file, text: editPolicyText(text, edits) ?? text }));
  if (added.length === 0) return edited;
  const names = new Set(files.map(({ file }) => file));
  let number = 1;
  while (names.has(`learned-${number}.yaml`)) number += 1;
  return [...edited, { file: `learned-${number}.yaml`, text: formatWithEvidence(added, report) }];
}

/** Policies with the evidence above each rule, after everything they speak of. */
function formatWithEvidence(resources: readonly Resource[], report: LearnReport): string {
  const policies = resources.filter((one) => one.kind === "Policy");
  const others = resources.filter((one) => one.kind !== "Policy");
  return [formatResources(others), formatPolicies(policies, report.rules)]
    .filter((text) => text !== "")
    .join("---\n");
}
