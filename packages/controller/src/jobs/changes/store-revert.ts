import { recordAudit } from "../../store/state/audit.ts";
import { restoreFormer } from "../../store/state/host-policies.ts";
import type { StateDatabase } from "../../store/state/open.ts";
import {
  loadDraftToChange,
  nextGeneration,
  type Pending,
  revertPending,
  saveDraft,
} from "../../store/state/revisions.ts";
import { sameFiles } from "../draft.ts";

/** Takes back what waits: the very bytes that were in force, under a new generation. The hosts it concerns. */
export function storeRevert(db: StateDatabase, pending: Pending, author: string): Promise<readonly string[]> {
  return db.transaction().execute(async (transaction) => {
    const generation = await nextGeneration(transaction);
    const workloads = await restoreFormer(transaction, generation);
    await revertPending(transaction, pending.revision, generation);
    await recordAudit(transaction, author, "revert", { revision: pending.revision, generation });
    if (pending.draftBefore !== null && pending.draftAfter !== null) {
      const { files, basedOn } = await loadDraftToChange(transaction);
      // A draft that somebody has worked on since is theirs.
      if (sameFiles(files, pending.draftAfter))
        await saveDraft(transaction, pending.draftBefore, Math.min(basedOn, pending.revision - 1));
    }
    return workloads;
  });
}
