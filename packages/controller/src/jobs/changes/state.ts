import type { StateDatabase } from "../../store/state/open.ts";
import {
  loadLive,
  loadPending,
  loadRevision,
  type Pending,
  type Revision,
} from "../../store/state/revisions.ts";

/** What is in force, as PostgreSQL has it. */
export type InForce = {
  readonly live: Revision;
  readonly pending: Pending | null;
  /** The revision that `pending` is about. */
  readonly unconfirmed: Revision | null;
};

export async function loadInForce(db: StateDatabase): Promise<InForce> {
  const live = await loadLive(db);
  const pending = await loadPending(db);
  const unconfirmed = pending === null ? null : await loadRevision(db, pending.revision);
  return { live, pending, unconfirmed };
}
