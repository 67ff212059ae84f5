import { ok } from "@ringwall/model";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deleteSchedule, loadSchedules, saveSchedule } from "../../store/state/drills.ts";
import { startTestState, type TestState } from "../../testing/test-state.ts";
import { startDue } from "./schedules.ts";

let state: TestState;
beforeAll(async () => {
  state = await startTestState();
});
afterAll(() => state.remove());

const NOW_MS = 1_700_000_000_000;
const ENDS = { source: "a", destination: "b" };
const schedule = { ...ENDS, everySeconds: 3_600, nextAt: new Date(NOW_MS - 1), createdBy: "operator" };
const due = (start: () => Promise<void>) =>
  startDue({
    db: state.db,
    drills: {
      start: async () => {
        await start();
        return ok(1);
      },
    },
    log: pino({ level: "silent" }),
    nowMs: () => NOW_MS,
  });

it("a due drill is started once, and comes again after its time", async () => {
  await saveSchedule(state.db, schedule);
  let started = 0;
  const count = async () => void started++;
  await due(count);
  await due(count);
  expect(started).toBe(1);
  expect(await loadSchedules(state.db)).toMatchObject([{ nextAt: new Date(NOW_MS + 3_600_000) }]);
});

it("a schedule that a person removes while its drill starts stays removed", async () => {
  await saveSchedule(state.db, schedule);
  await due(async () => void (await deleteSchedule(state.db, "a", "b")));
  expect(await loadSchedules(state.db)).toEqual([]);
});
