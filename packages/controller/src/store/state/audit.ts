import type { Transaction } from "kysely";
import type { StateDatabase } from "./open.ts";
import type { Tables } from "./tables.ts";

export type AuditEntry = {
  readonly time: Date;
  readonly actor: string;
  readonly what: string;
  readonly details: object;
};

/** Who changed what. Details hold names and numbers, never a secret. */
export async function recordAudit(
  db: StateDatabase | Transaction<Tables>,
  actor: string,
  what: string,
  details: object,
): Promise<void> {
  await db
    .insertInto("audit")
    .values({ actor, what, details: JSON.stringify(details) })
    .execute();
}

/** Newest first. */
export async function loadAudit(db: StateDatabase, limit: number): Promise<readonly AuditEntry[]> {
  return db
    .selectFrom("audit")
    .select(["time", "actor", "what", "details"])
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}
