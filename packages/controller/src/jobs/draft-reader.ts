import type { Resource, Result } from "@ringwall/model";
import type { Refusal } from "../refusal.ts";
import type { StateDatabase } from "../store/state/open.ts";
import { type Draft, loadDraft, loadDraftVersion } from "../store/state/revisions.ts";
import { parseDraft, sameResources } from "./draft.ts";

type LoadedDraft = Draft & { readonly parsed: Result<readonly Resource[], Refusal> };

/** The draft, read and parsed once for each of its versions: every status question needs it. */
export type DraftReader = {
  load(): Promise<LoadedDraft>;
  /** Whether the draft says something else than `live`; once for each list of resources. */
  differsFrom(live: readonly Resource[]): Promise<boolean>;
};

export function createDraftReader(db: StateDatabase): DraftReader {
  let loaded: LoadedDraft | null = null;
  let compared: { readonly draft: LoadedDraft; readonly live: unknown; readonly differs: boolean } | null =
    null;
  const load = async () => {
    if (loaded?.version === (await loadDraftVersion(db))) return loaded;
    const draft = await loadDraft(db);
    loaded = { ...draft, parsed: parseDraft(draft.files) };
    return loaded;
  };
  return {
    load,
    async differsFrom(live) {
      const draft = await load();
      if (compared?.draft === draft && compared.live === live) return compared.differs;
      const { parsed } = draft;
      compared = { draft, live, differs: !parsed.ok || !sameResources(parsed.value, live) };
      return compared.differs;
    },
  };
}
