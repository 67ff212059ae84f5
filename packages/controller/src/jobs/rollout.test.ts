import { ok } from "@ringwall/model";
import pino from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHub } from "../api/agents/hub.ts";
import { loadFleet } from "../store/state/fleet.ts";
import { startTestState, type TestState } from "../testing/test-state.ts";
import { createRollout } from "./rollout.ts";

let state: TestState;
beforeAll(async () => {
  state = await startTestState();
});
afterAll(() => state.remove());

const HOSTS = 40;
/** As it is counted: a byte is a number of up to three digits. */
const POLICY_BYTES = 10_000;

it("knows what every host is to have after a change, and reads only the policies that changed", async () => {
  const { db } = state;
  const fleet = await loadFleet(db);
  const names = Array.from({ length: HOSTS }, (_, number) => `host-${number}`);
  for (const name of names) await fleet.enroll(name, {}, [], "1");
  const log = pino({ level: "silent" });
  const open = () =>
    createRollout(
      db,
      createHub(() => undefined),
      log,
      Date.now,
    );
  const rollout = await open();
  const compiled = (workload: string, fill: number) => {
    const digest = fill.toString(16).padStart(64, "0");
    return {
      workload,
      result: ok({ policy: Buffer.alloc(POLICY_BYTES, fill), digest }),
      held: null,
      reach: null,
    };
  };
  const former = names.map((name, number) => compiled(name, number));
  await rollout.store(db, former, 1, 1);
  await rollout.reload();
  expect(names.map((name) => rollout.wanted(name)?.policy[0])).toEqual(names.map((_, number) => number));

  await rollout.store(db, [compiled("host-3", 103), ...former.slice(4)], 2, 2);
  await fleet.remove("host-0");
  expect(await state.bytesRead(() => rollout.reload())).toBeLessThan(5 * POLICY_BYTES);
  const wanted = (name: string) => [rollout.wanted(name)?.generation, rollout.wanted(name)?.policy[0]];
  expect(["host-0", "host-1", "host-3"].map(wanted)).toEqual([
    [undefined, undefined],
    [1, 1],
    [2, 103],
  ]);
  const again = await open();
  expect(names.map((name) => again.wanted(name))).toEqual(names.map((name) => rollout.wanted(name)));
});
