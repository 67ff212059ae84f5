import type { ProcessIdentity } from "@ringwall/model";
import type { Transaction } from "kysely";
import { sql } from "kysely";
import type { StateDatabase } from "./open.ts";
import type { Tables } from "./tables.ts";

type Access = StateDatabase | Transaction<Tables>;

export type StoredIdentity = {
  readonly number: number;
  /** Hexadecimal SHA-256 of the factors. */
  readonly digest: string;
  readonly process: ProcessIdentity;
  readonly workload: string;
};
export type StoredKey = {
  readonly generation: number;
  readonly publicKey: Buffer;
  readonly offeredAt: Date;
};
export type StoredKeys = {
  readonly keys: readonly StoredKey[];
  readonly mutePorts: readonly number[];
  /** Proves its software in datagrams too. */
  readonly datagrams: boolean;
};
export type PathEnds = {
  readonly source: string;
  readonly destination: string;
  /** Of proofs in datagrams; else of those of TCP. */
  readonly datagrams: boolean;
};
export type StoredPath = PathEnds & { readonly since: Date };

/** In the order in which they were numbered. */
export async function loadIdentities(db: Access): Promise<readonly StoredIdentity[]> {
  const rows = await db
    .selectFrom("identities")
    .select(["number", "digest", "process", "workload"])
    .orderBy("given_at")
    .orderBy("number")
    .execute();
  return rows.map((row) => ({ ...row, digest: row.digest.toString("hex") }));
}

export async function insertIdentities(db: Access, identities: readonly StoredIdentity[]): Promise<void> {
  await db
    .insertInto("identities")
    .values(
      identities.map(({ number, digest, process, workload }) => ({
        number,
        digest: Buffer.from(digest, "hex"),
        process: JSON.stringify(process),
        workload,
      })),
    )
    .execute();
}

/** Hosts that can prove, by name. */
export async function loadProofKeys(db: Access): Promise<Map<string, StoredKeys>> {
  const rows = await db
    .selectFrom("proof_keys")
    .innerJoin("workloads", "workloads.name", "proof_keys.workload")
    .select([
      "workload",
      "proof_keys.generation",
      "public_key",
      "offered_at",
      "mute_ports",
      "proves_datagrams",
    ])
    .orderBy("proof_keys.generation")
    .execute();
  const found = new Map<string, StoredKeys>();
  for (const row of rows) {
    const key = { generation: row.generation, publicKey: row.public_key, offeredAt: row.offered_at };
    const keys = [...(found.get(row.workload)?.keys ?? []), key];
    found.set(row.workload, { keys, mutePorts: row.mute_ports, datagrams: row.proves_datagrams });
  }
  return found;
}

/** Puts these keys in place of what the host had; a host with keys is not revoked. */
export function saveProofKeys(
  db: StateDatabase,
  workload: string,
  { keys, mutePorts, datagrams }: StoredKeys,
): Promise<void> {
  return db.transaction().execute(async (transaction) => {
    await transaction.deleteFrom("proof_keys").where("workload", "=", workload).execute();
    await transaction
      .updateTable("workloads")
      .set({ mute_ports: [...mutePorts], proves_datagrams: datagrams })
      .where("name", "=", workload)
      .execute();
    await transaction.deleteFrom("proof_revoked").where("workload", "=", workload).execute();
    if (keys.length === 0) return;
    const rows = keys.map(({ generation, publicKey, offeredAt }) => ({
      workload,
      generation,
      public_key: publicKey,
      offered_at: offeredAt,
    }));
    await transaction.insertInto("proof_keys").values(rows).execute();
  });
}

/** Oldest first. */
export async function loadRevoked(db: Access): Promise<Map<string, readonly string[]>> {
  const rows = await db.selectFrom("proof_revoked").selectAll().orderBy("revoked_at").execute();
  return new Map(rows.map((row) => [row.workload, row.addresses]));
}

export async function saveRevoked(db: Access, workload: string, addresses: readonly string[]): Promise<void> {
  const columns = { addresses: [...addresses], revoked_at: sql<Date>`now()` };
  await db
    .insertInto("proof_revoked")
    .values({ workload, ...columns })
    .onConflict((conflict) => conflict.column("workload").doUpdateSet(columns))
    .execute();
}

export async function deleteRevoked(db: Access, workloads: readonly string[]): Promise<void> {
  if (workloads.length === 0) return;
  await db
    .deleteFrom("proof_revoked")
    .where("workload", "in", [...workloads])
    .execute();
}

export async function loadStripped(db: Access): Promise<readonly StoredPath[]> {
  return db.selectFrom("proof_stripped").selectAll().execute();
}

export async function saveStripped(db: Access, path: StoredPath): Promise<void> {
  await db
    .insertInto("proof_stripped")
    .values(path)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function deleteStripped(
  db: Access,
  { source, destination, datagrams }: PathEnds,
): Promise<void> {
  await db
    .deleteFrom("proof_stripped")
    .where("source", "=", source)
    .where("destination", "=", destination)
    .where("datagrams", "=", datagrams)
    .execute();
}

export type StoredProfile = { readonly a: string; readonly b: string; readonly changes: string };

export async function loadProfiles(db: Access): Promise<readonly StoredProfile[]> {
  return db.selectFrom("proof_profiles").selectAll().execute();
}

export async function saveProfile(db: Access, profile: StoredProfile): Promise<void> {
  await db
    .insertInto("proof_profiles")
    .values(profile)
    .onConflict((conflict) => conflict.columns(["a", "b"]).doUpdateSet({ changes: profile.changes }))
    .execute();
}

export async function deleteProfile(db: Access, { a, b }: Omit<StoredProfile, "changes">): Promise<void> {
  await db.deleteFrom("proof_profiles").where("a", "=", a).where("b", "=", b).execute();
}

export async function deleteStrippedOf(db: Access, workload: string): Promise<void> {
  await db
    .deleteFrom("proof_stripped")
    .where((row) => row.or([row("source", "=", workload), row("destination", "=", workload)]))
    .execute();
}

/** The number of this run of the controller: above every one before, also over a database that was put back (seconds since 1970). */
export async function nextProofRun(db: Access, nowMs: number): Promise<number> {
  const seconds = Math.floor(nowMs / 1000);
  const { rows } = await sql<{
    run: number;
  }>`SELECT setval('proof_runs', greatest(nextval('proof_runs'), ${seconds})) AS run`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error("bug: a sequence without a value");
  return row.run;
}
