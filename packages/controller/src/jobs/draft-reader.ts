import { createHash } from "node:crypto";
import type { Resource, Result } from "@ringwall/model";
import type { Refusal } from "../refusal.ts";
import type { StateDatabase } from "../store/state/open.ts";
import { type BesideDraft, type Draft, loadDraft, loadDraftVersion } from "../store/state/revisions.ts";
import type { DraftFile } from "../store/state/tables.ts";
import { sameResources } from "./draft.ts";
import type { PolicyAsker } from "./worker/policies.ts";

type Parsed = Result<readonly Resource[], Refusal>;
type LoadedDraft = Draft & { readonly parsed: Parsed };

/** The draft, read and parsed once for each of its versions: every status question needs it. */
export type DraftReader = {
  load(): Promise<LoadedDraft & BesideDraft>;
  /** `parseDraft` that remembers the stored draft and the last one asked for. */
  parse(files: readonly DraftFile[]): Promise<Parsed>;
  /** Whether the draft says something else than `live`; once for each list of resources. */
  differsFrom(live: readonly Resource[]): Promise<boolean>;
};

export function createDraftReader(db: StateDatabase, askPolicy: PolicyAsker): DraftReader {
  let loaded: (LoadedDraft & { readonly digest: string }) | null = null;
  let last: { readonly digest: string; readonly parsed: Promise<Parsed> } | null = null;
  let compared: { readonly version: string; readonly live: unknown; readonly differs: boolean } | null = null;

  const parse = async (files: readonly DraftFile[], digest: string) => {
    if (loaded?.digest === digest) return loaded.parsed;
    if (last?.digest !== digest) last = { digest, parsed: askPolicy({ kind: "parse", files }) };
    const { parsed } = last;
    try {
      return await parsed;
    } catch (error) {
      if (last?.parsed === parsed) last = null;
      throw error;
    }
  };
  const load = async () => {
    const { version, awaited: now } = await loadDraftVersion(db);
    if (loaded?.version === version) return { ...loaded, awaited: now };
    const { awaited, ...draft } = await loadDraft(db);
    const digest = digestOf(draft.files);
    const made = { ...draft, digest, parsed: await parse(draft.files, digest) };
    loaded = made;
    return { ...made, awaited };
  };
  return {
    load,
    parse: (files) => parse(files, digestOf(files)),
    async differsFrom(live) {
      const { version, parsed } = await load();
      if (compared?.version === version && compared.live === live) return compared.differs;
      compared = { version, live, differs: !parsed.ok || !sameResources(parsed.value, live) };
      return compared.differs;
    },
  };
}

function digestOf(files: readonly DraftFile[]): string {
  return createHash("sha256").update(JSON.stringify(files)).digest("hex");
}
