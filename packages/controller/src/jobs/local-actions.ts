import { fail, ok, type Result } from "@ringwall/model";
import type { ActionReport } from "@ringwall/protocol/agent";
import { recordAudit } from "../store/state/audit.ts";
import type { StateDatabase } from "../store/state/open.ts";
import type { NewAlert } from "./alerts.ts";

/** Actions of one report; an agent keeps no more. */
const ACTIONS_MAX = 1000;
const TEXT_LENGTH_MAX = 1000;

/** What a person did on a host, past the controller. */
export type LocalAction = {
  readonly id: string;
  readonly what: "pause" | "resume";
  readonly timeMs: number;
  readonly untilMs: number;
  readonly user: string;
  readonly reason: string;
};

/** Checks an agent's report of actions: one wrong value and none of it is taken. */
export function decodeActions({ actions }: ActionReport): Result<readonly LocalAction[], string> {
  if (actions.length > ACTIONS_MAX) return fail(`more than ${ACTIONS_MAX} actions`);
  const decoded: LocalAction[] = [];
  for (const [index, { id, what, timeMs, untilMs, user, reason }] of actions.entries()) {
    if (id === "" || [id, user, reason].some((text) => text.length > TEXT_LENGTH_MAX || text.includes("\0")))
      return fail(`actions[${index}]: a text is empty, too long or holds a NUL`);
    if (what !== "pause" && what !== "resume")
      return fail(`actions[${index}]: \`what\` is neither pause nor resume`);
    if ([timeMs, untilMs].some((ms) => ms > BigInt(Number.MAX_SAFE_INTEGER)))
      return fail(`actions[${index}]: a time beyond 2^53`);
    decoded.push({ id, what, timeMs: Number(timeMs), untilMs: Number(untilMs), user, reason });
  }
  return ok(decoded);
}

/** Writes each action into the audit, once however often it is told; returns the alerts that new ones raise. */
export async function recordActions(
  db: StateDatabase,
  workload: string,
  actions: readonly LocalAction[],
): Promise<readonly NewAlert[]> {
  const alerts: NewAlert[] = [];
  for (const action of actions) {
    if (!(await recordOnce(db, workload, action))) continue;
    const { what, timeMs, untilMs, user } = action;
    const toldMs = Math.min(timeMs, Date.now());
    if (what === "pause") alerts.push(pausedAlert(workload, `${user} on the host itself`, untilMs, toldMs));
  }
  return alerts;
}

/** False where the audit has it already. */
function recordOnce(db: StateDatabase, workload: string, action: LocalAction): Promise<boolean> {
  const { id, what, timeMs, untilMs, user, reason } = action;
  return db.transaction().execute(async (transaction) => {
    const { numInsertedOrUpdatedRows } = await transaction
      .insertInto("local_actions")
      .values({ workload, id })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (numInsertedOrUpdatedRows !== 1n) return false;
    const times = { at: textOf(timeMs), ...(what === "pause" ? { until: textOf(untilMs) } : {}) };
    const details = { workload, user, reason, ...times, id };
    await recordAudit(transaction, `${user}@${workload}`, `${what} enforcement on the host`, details);
    return true;
  });
}

/** Enforcement of a host is paused: a person should know while it lasts. */
export function pausedAlert(workload: string, by: string, untilMs: number, timeMs: number): NewAlert {
  const message = `nothing is refused on \`${workload}\` until ${textOf(untilMs)}: paused by ${by}; \`ringwall resume ${workload}\` ends it`;
  return { kind: "paused", workload, message, rule: null, timeMs, count: 1 };
}

/** A host's clock may say anything. */
function textOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "an unknown time" : date.toISOString();
}
