import { fail, type Labels, ok, type Result } from "@ringwall/model";
import { sql } from "kysely";
import type { StateDatabase } from "./open.ts";

export type TokenRow = { readonly workload: string | null; readonly labels: Labels };
export type TokenFault = "unknown" | "expired" | "used";

export async function saveToken(
  db: StateDatabase,
  token: {
    readonly hash: string;
    readonly workload: string | null;
    readonly labels: Labels;
    readonly createdBy: string;
    readonly expires: Date;
    readonly uses: number;
  },
): Promise<void> {
  await db
    .insertInto("enrollment_tokens")
    .values({
      hash: token.hash,
      workload: token.workload,
      labels: JSON.stringify(token.labels),
      created_by: token.createdBy,
      expires: token.expires,
      uses_left: token.uses,
    })
    .execute();
}

/** The token without using it up. */
export async function findToken(db: StateDatabase, hash: string): Promise<Result<TokenRow, TokenFault>> {
  const row = await db
    .selectFrom("enrollment_tokens")
    .select(["workload", "labels", "uses_left", sql<boolean>`expires <= now()`.as("expired")])
    .where("hash", "=", hash)
    .executeTakeFirst();
  if (row === undefined) return fail("unknown");
  if (row.uses_left === 0) return fail("used");
  if (row.expired) return fail("expired");
  return ok({ workload: row.workload, labels: row.labels });
}

/** Takes one use of the token; false when somebody else took the last one meanwhile. */
export async function useToken(db: StateDatabase, hash: string): Promise<boolean> {
  const row = await db
    .updateTable("enrollment_tokens")
    .set((token) => ({ uses_left: token("uses_left", "-", 1) }))
    .where("hash", "=", hash)
    .where("uses_left", ">", 0)
    .where("expires", ">", sql<Date>`now()`)
    .returning("hash")
    .executeTakeFirst();
  return row !== undefined;
}
