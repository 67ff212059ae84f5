import type { Transaction } from "kysely";
import type { StateDatabase } from "./open.ts";
import type { Tables } from "./tables.ts";

/** What one host is to have in force, as its bytes go over the wire. */
export type StoredHostPolicy = {
  readonly workload: string;
  readonly generation: number;
  readonly revision: number;
  /** Hexadecimal SHA-256 of `policy`. */
  readonly digest: string;
  readonly policy: Buffer;
  readonly problem: string;
};
type Access = StateDatabase | Transaction<Tables>;

/** Rows of one statement; PostgreSQL takes 65,535 parameters, and we have six for each row. */
const ROWS_PER_STATEMENT = 1_000;

/** What each host is to have; the policies that `known` has already are not read again. */
export async function loadHostPolicies(
  db: Access,
  known: ReadonlyMap<string, StoredHostPolicy> = new Map(),
): Promise<Map<string, StoredHostPolicy>> {
  const rows = await db
    .selectFrom("host_policies")
    .select(["workload", "generation", "revision", "digest", "problem"])
    .execute();
  const found = new Map<string, StoredHostPolicy>();
  const missing: string[] = [];
  for (const row of rows) {
    const before = known.get(row.workload);
    if (before?.digest === row.digest) found.set(row.workload, { ...row, policy: before.policy });
    else missing.push(row.workload);
  }
  for (let start = 0; start < missing.length; start += ROWS_PER_STATEMENT) {
    const read = await db
      .selectFrom("host_policies")
      .select(["workload", "generation", "revision", "digest", "policy", "problem"])
      .where("workload", "in", missing.slice(start, start + ROWS_PER_STATEMENT))
      .execute();
    for (const row of read) found.set(row.workload, row);
  }
  return found;
}

export async function saveHostPolicies(db: Access, rows: readonly StoredHostPolicy[]): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await db
      .insertInto("host_policies")
      .values(rows.slice(start, start + ROWS_PER_STATEMENT))
      .onConflict((conflict) =>
        conflict.column("workload").doUpdateSet((row) => ({
          generation: row.ref("excluded.generation"),
          revision: row.ref("excluded.revision"),
          digest: row.ref("excluded.digest"),
          policy: row.ref("excluded.policy"),
          problem: row.ref("excluded.problem"),
        })),
      )
      .execute();
  }
}

/** Remembers what is in force now as what to put back. Call it before the unconfirmed policies are saved. */
export async function keepFormer(db: Access): Promise<void> {
  await db
    .updateTable("host_policies")
    .set((row) => ({
      former_policy: row.ref("policy"),
      former_digest: row.ref("digest"),
      former_revision: row.ref("revision"),
    }))
    .execute();
}

/** The change is confirmed: there is nothing to go back to any more. */
export async function forgetFormer(db: Access): Promise<void> {
  await db
    .updateTable("host_policies")
    .set({ former_policy: null, former_digest: null, former_revision: null })
    .execute();
}

/** Puts back what was kept, under a new generation; the workloads it was kept for. */
export async function restoreFormer(db: Access, generation: number): Promise<readonly string[]> {
  const rows = await db
    .updateTable("host_policies")
    .set((row) => ({
      policy: row.fn.coalesce("former_policy", "policy"),
      digest: row.fn.coalesce("former_digest", "digest"),
      revision: row.fn.coalesce("former_revision", "revision"),
      generation,
      problem: "",
      former_policy: null,
      former_digest: null,
      former_revision: null,
    }))
    .where("former_policy", "is not", null)
    .returning("workload")
    .execute();
  return rows.map((row) => row.workload);
}
