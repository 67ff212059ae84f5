import type { AlertView } from "@ringwall/protocol/rest";
import { sql } from "kysely";
import type { StateDatabase } from "../store/state/open.ts";

/** The same alert again within this time counts up; after it a new one begins. */
export const ALERT_AGGREGATE_MINUTES = 60;
/** Older ones make room. */
export const ALERTS_KEPT_MAX = 20_000;
export const ALERTS_LISTED_MAX = 1_000;

export type NewAlert = {
  readonly kind: AlertView["kind"];
  readonly workload: string | null;
  /** One sentence a person can act on. */
  readonly message: string;
  readonly rule: string | null;
  readonly timeMs: number;
  readonly count: number;
};

/** Raises alerts, each once for as long as it goes on. Returns those that are new or counted up. */
export async function raiseAlerts(
  db: StateDatabase,
  alerts: readonly NewAlert[],
): Promise<readonly AlertView[]> {
  const raised: AlertView[] = [];
  for (const alert of aggregate(alerts)) raised.push(await raise(db, alert));
  if (raised.some((alert) => Number(alert.id) % 1000 === 0)) await makeRoom(db);
  return raised;
}

/** Newest first. */
export async function listAlerts(db: StateDatabase): Promise<readonly AlertView[]> {
  const rows = await db
    .selectFrom("alerts")
    .selectAll()
    .orderBy("last_time", "desc")
    .orderBy("id", "desc")
    .limit(ALERTS_LISTED_MAX)
    .execute();
  return rows.map(viewOf);
}

async function raise(db: StateDatabase, alert: NewAlert): Promise<AlertView> {
  const key = keyOf(alert);
  const time = new Date(alert.timeMs);
  const counted = await db
    .updateTable("alerts")
    .set((row) => ({
      count: row("count", "+", alert.count),
      last_time: sql<Date>`greatest(last_time, ${time})`,
    }))
    .where((row) =>
      row(
        "id",
        "=",
        row
          .selectFrom("alerts")
          .select("id")
          .where("key", "=", key)
          .where(
            "last_time",
            ">",
            sql<Date>`${time}::timestamptz - make_interval(mins => ${ALERT_AGGREGATE_MINUTES})`,
          )
          .orderBy("last_time", "desc")
          .limit(1),
      ),
    )
    .returningAll()
    .executeTakeFirst();
  if (counted !== undefined) return viewOf(counted);
  const { kind, workload, message, rule, count } = alert;
  const fresh = await db
    .insertInto("alerts")
    .values({ key, kind, workload, message, rule, first_time: time, last_time: time, count })
    .returningAll()
    .executeTakeFirstOrThrow();
  return viewOf(fresh);
}

async function makeRoom(db: StateDatabase): Promise<void> {
  await sql`DELETE FROM alerts WHERE id <= (SELECT max(id) FROM alerts) - ${ALERTS_KEPT_MAX}`.execute(db);
}

function aggregate(alerts: readonly NewAlert[]): readonly NewAlert[] {
  const byKey = new Map<string, NewAlert>();
  for (const alert of alerts) {
    const key = keyOf(alert);
    const before = byKey.get(key);
    const count = alert.count + (before?.count ?? 0);
    byKey.set(key, { ...alert, count, timeMs: Math.max(alert.timeMs, before?.timeMs ?? 0) });
  }
  return [...byKey.values()];
}

function keyOf(alert: NewAlert): string {
  return JSON.stringify([alert.kind, alert.workload, alert.message, alert.rule]);
}

function viewOf(row: {
  readonly id: number;
  readonly kind: AlertView["kind"];
  readonly workload: string | null;
  readonly message: string;
  readonly rule: string | null;
  readonly first_time: Date;
  readonly last_time: Date;
  readonly count: number;
}): AlertView {
  return {
    id: String(row.id),
    time: row.first_time.toISOString(),
    lastTime: row.last_time.toISOString(),
    count: row.count,
    kind: row.kind,
    workload: row.workload,
    message: row.message,
    rule: row.rule,
  };
}
