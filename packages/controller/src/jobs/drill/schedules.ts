import type { Logger } from "pino";
import { loadSchedules, postponeSchedule } from "../../store/state/drills.ts";
import type { StateDatabase } from "../../store/state/open.ts";
import type { Drills } from "./drills.ts";

const LOOK_EVERY_MS = 30_000;
const SCHEDULER = "schedule";

/** Starts the drills that are due, one at a time; one that can't be started is tried again at its next turn. */
export function watchSchedules(parts: {
  readonly db: StateDatabase;
  readonly drills: Pick<Drills, "start">;
  readonly log: Logger;
  readonly nowMs: () => number;
}): { close(): void } {
  const timer = setInterval(() => {
    startDue(parts).catch((error: unknown) =>
      parts.log.error({ err: error }, "drills could not be looked for"),
    );
  }, LOOK_EVERY_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

export async function startDue({
  db,
  drills,
  log,
  nowMs,
}: Parameters<typeof watchSchedules>[0]): Promise<void> {
  for (const schedule of await loadSchedules(db)) {
    if (schedule.nextAt.getTime() > nowMs()) continue;
    const { source, destination, everySeconds } = schedule;
    const started = await drills.start(source, destination, SCHEDULER);
    // The one that is under way first: this one is looked at again soon.
    if (!started.ok && started.error.code === "drill-running") return;
    if (!started.ok) log.warn({ source, destination }, `a drill is left out: ${started.error.detail}`);
    await postponeSchedule(db, { source, destination, nextAt: new Date(nowMs() + everySeconds * 1000) });
  }
}
