import type { Result } from "@ringwall/model";
import type { PolicySet } from "@ringwall/policy";
import type { Refusal } from "../refusal.ts";
import type { StateDatabase } from "../store/state/open.ts";
import { type Draft, loadDraft } from "../store/state/revisions.ts";
import { parseDraft } from "./draft.ts";

/** The draft with its parsed form, which is kept as long as the text is the same: every status question needs it. */
export type DraftReader = { load(): Promise<Draft & { readonly parsed: Result<PolicySet, Refusal> }> };

export function createDraftReader(db: StateDatabase): DraftReader {
  let text = "";
  let parsed = parseDraft([]);
  return {
    async load() {
      const draft = await loadDraft(db);
      const now = JSON.stringify(draft.files);
      if (now !== text) parsed = parseDraft(draft.files);
      text = now;
      return { ...draft, parsed };
    },
  };
}
