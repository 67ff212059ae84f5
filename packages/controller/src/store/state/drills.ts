import type { DrillRow } from "@ringwall/protocol/rest";
import type { StateDatabase } from "./open.ts";

export type StoredDrill = {
  readonly run: number;
  readonly source: string;
  readonly destination: string;
  readonly startedAt: Date;
  readonly startedBy: string;
  readonly state: "running" | "ended" | "failed";
  readonly problem: string;
  readonly endedAt: Date | null;
  readonly rows: readonly DrillRow[];
};
export type StoredSchedule = {
  readonly source: string;
  readonly destination: string;
  readonly everySeconds: number;
  readonly nextAt: Date;
  readonly createdBy: string;
};

/** Drills that are remembered. */
export const DRILLS_KEPT = 100;

/** Begins a drill; its number is above all before. */
export async function insertDrill(
  db: StateDatabase,
  drill: Pick<StoredDrill, "source" | "destination" | "startedBy">,
  nowMs: number,
): Promise<number> {
  return db.transaction().execute(async (transaction) => {
    const last = await transaction
      .selectFrom("drills")
      .select("run")
      .orderBy("run", "desc")
      .limit(1)
      .executeTakeFirst();
    const run = Math.max((last?.run ?? 0) + 1, Math.floor(nowMs / 1000));
    const { source, destination, startedBy } = drill;
    await transaction
      .insertInto("drills")
      .values({ run, source, destination, started_by: startedBy })
      .execute();
    const kept = transaction.selectFrom("drills").select("run").orderBy("run", "desc").limit(DRILLS_KEPT);
    await transaction.deleteFrom("drills").where("run", "not in", kept).execute();
    return run;
  });
}

export async function endDrill(
  db: StateDatabase,
  run: number,
  end: Pick<StoredDrill, "state" | "problem" | "rows">,
): Promise<void> {
  await db
    .updateTable("drills")
    .set({ state: end.state, problem: end.problem, rows: JSON.stringify(end.rows), ended_at: new Date() })
    .where("run", "=", run)
    .execute();
}

/** Those that were under way when the controller ended: their listener has ended as well. */
export async function failRunningDrills(db: StateDatabase): Promise<void> {
  await db
    .updateTable("drills")
    .set({ state: "failed", problem: "the controller ended meanwhile", ended_at: new Date() })
    .where("state", "=", "running")
    .execute();
}

/** Newest first. */
export async function loadDrills(db: StateDatabase, limit: number): Promise<readonly StoredDrill[]> {
  const rows = await db.selectFrom("drills").selectAll().orderBy("run", "desc").limit(limit).execute();
  return rows.map((row) => ({
    run: row.run,
    source: row.source,
    destination: row.destination,
    startedAt: row.started_at,
    startedBy: row.started_by,
    state: row.state,
    problem: row.problem,
    endedAt: row.ended_at,
    rows: row.rows,
  }));
}

export async function loadSchedules(db: StateDatabase): Promise<readonly StoredSchedule[]> {
  const rows = await db
    .selectFrom("drill_schedules")
    .selectAll()
    .orderBy("source")
    .orderBy("destination")
    .execute();
  return rows.map((row) => ({
    source: row.source,
    destination: row.destination,
    everySeconds: row.every_seconds,
    nextAt: row.next_at,
    createdBy: row.created_by,
  }));
}

export async function saveSchedule(db: StateDatabase, schedule: StoredSchedule): Promise<void> {
  const values = {
    every_seconds: schedule.everySeconds,
    next_at: schedule.nextAt,
    created_by: schedule.createdBy,
  };
  await db
    .insertInto("drill_schedules")
    .values({ source: schedule.source, destination: schedule.destination, ...values })
    .onConflict((conflict) => conflict.columns(["source", "destination"]).doUpdateSet(values))
    .execute();
}

/** Says when a schedule's next drill is due, where there still is that schedule. */
export async function postponeSchedule(
  db: StateDatabase,
  { source, destination, nextAt }: Pick<StoredSchedule, "source" | "destination" | "nextAt">,
): Promise<void> {
  await db
    .updateTable("drill_schedules")
    .set({ next_at: nextAt })
    .where("source", "=", source)
    .where("destination", "=", destination)
    .execute();
}

/** False where there was none. */
export async function deleteSchedule(
  db: StateDatabase,
  source: string,
  destination: string,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("drill_schedules")
    .where("source", "=", source)
    .where("destination", "=", destination)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
