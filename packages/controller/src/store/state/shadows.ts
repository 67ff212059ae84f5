import type { Resource } from "@ringwall/model";
import type { Transaction } from "kysely";
import type { StateDatabase } from "./open.ts";
import type { Tables } from "./tables.ts";

/** A draft that hosts judge by beside what is in force. */
export type ShadowRun = {
  readonly run: number;
  readonly startedAt: Date;
  readonly startedBy: string;
  readonly endsAt: Date;
  readonly stoppedAt: Date | null;
};
export type ShadowHost = { readonly workload: string; readonly policy: Buffer; readonly digest: string };
export type ShadowReportRow = { readonly workload: string; readonly report: Buffer | null };

/** Runs that are remembered. */
const RUNS_KEPT = 5;
const ROWS_PER_STATEMENT = 1_000;

/** Begins a run and ends the one before it, in one transaction; its number is above all before. */
export async function insertShadow(
  db: StateDatabase,
  shadow: Pick<ShadowRun, "startedBy" | "endsAt"> & { readonly resources: readonly Resource[] },
  hosts: readonly ShadowHost[],
  nowMs: number,
): Promise<number> {
  return db.transaction().execute(async (transaction) => {
    const before = await loadLastShadow(transaction);
    if (before !== null) await stopShadow(transaction, before.run);
    const run = Math.max((before?.run ?? 0) + 1, Math.floor(nowMs / 1000));
    const { startedBy, endsAt, resources } = shadow;
    await transaction
      .insertInto("shadow_runs")
      .values({ run, started_by: startedBy, ends_at: endsAt, resources: JSON.stringify(resources) })
      .execute();
    for (let start = 0; start < hosts.length; start += ROWS_PER_STATEMENT) {
      const rows = hosts.slice(start, start + ROWS_PER_STATEMENT).map((host) => ({ run, ...host }));
      await transaction.insertInto("shadow_hosts").values(rows).execute();
    }
    const kept = transaction.selectFrom("shadow_runs").select("run").orderBy("run", "desc").limit(RUNS_KEPT);
    await transaction.deleteFrom("shadow_runs").where("run", "not in", kept).execute();
    return run;
  });
}

/** The newest run, without its draft: every host that connects asks for it. */
export async function loadLastShadow(db: StateDatabase | Transaction<Tables>): Promise<ShadowRun | null> {
  const row = await db
    .selectFrom("shadow_runs")
    .select(["run", "started_at", "started_by", "ends_at", "stopped_at"])
    .orderBy("run", "desc")
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  return {
    run: row.run,
    startedAt: row.started_at,
    startedBy: row.started_by,
    endsAt: row.ends_at,
    stoppedAt: row.stopped_at,
  };
}

/** The draft of a run; empty where the run is forgotten. */
export async function loadShadowDraft(db: StateDatabase, run: number): Promise<readonly Resource[]> {
  const row = await db
    .selectFrom("shadow_runs")
    .select("resources")
    .where("run", "=", run)
    .executeTakeFirst();
  return row?.resources ?? [];
}

/** Ends a run early; one that has ended by itself stays as it is. */
export async function stopShadow(db: StateDatabase | Transaction<Tables>, run: number): Promise<void> {
  await db
    .updateTable("shadow_runs")
    .set({ stopped_at: new Date() })
    .where("run", "=", run)
    .where("stopped_at", "is", null)
    .where("ends_at", ">", new Date())
    .execute();
}

export async function loadShadowHost(
  db: StateDatabase,
  run: number,
  workload: string,
): Promise<ShadowHost | null> {
  const row = await db
    .selectFrom("shadow_hosts")
    .select(["workload", "policy", "digest"])
    .where("run", "=", run)
    .where("workload", "=", workload)
    .executeTakeFirst();
  return row ?? null;
}

/** False where the host has no part in that run. */
export async function saveShadowReport(
  db: StateDatabase,
  run: number,
  workload: string,
  report: Buffer,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("shadow_hosts")
    .set({ report, reported_at: new Date() })
    .where("run", "=", run)
    .where("workload", "=", workload)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function loadShadowReports(db: StateDatabase, run: number): Promise<readonly ShadowReportRow[]> {
  return db
    .selectFrom("shadow_hosts")
    .select(["workload", "report"])
    .where("run", "=", run)
    .orderBy("workload")
    .execute();
}
