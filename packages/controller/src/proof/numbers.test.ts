import { processOf } from "@ringwall/model/testing";
import { PROOF_NUMBER_MAX } from "@ringwall/protocol/agent";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { startTestState, type TestState } from "../testing/test-state.ts";
import { loadNumbers } from "./numbers.ts";

let state: TestState;
beforeAll(async () => {
  state = await startTestState();
});
afterEach(() => state.db.deleteFrom("identities").execute());
afterAll(() => state.remove());

const START = Date.parse("2026-11-22T12:00:00Z");
const CYCLE_MS = PROOF_NUMBER_MAX * 125;
const numbersAt = (nowMs: number) =>
  loadNumbers({ db: state.db, nowMs: () => nowMs, onNew: () => undefined });
const programs = (...names: string[]) =>
  names.map((name) => processOf({ exe: `/usr/bin/${name}`, user: "root" }));

it("each start begins behind what an earlier one can have given out, whatever the database knows of that", async () => {
  const [first = 0] = await (await numbersAt(START)).assign("web-1", programs("a"));
  const [second = 0] = await (await numbersAt(START + 60_000)).assign("web-1", programs("b"));
  expect(second).toBe(first + 480);
});

it("begins again at 1 after the highest, past what is taken, and tells the newest first", async () => {
  const end = START - (START % CYCLE_MS) + CYCLE_MS;
  const early = await (await numbersAt(end + 125)).assign("web-1", programs("a", "b"));
  expect(early).toEqual([2, 3]);
  const numbers = await numbersAt(end - 125);
  const names = programs("c", "d", "e");
  expect(await numbers.assign("web-1", names)).toEqual([PROOF_NUMBER_MAX, 1, 4]);
  for (const one of [numbers, await numbersAt(START)]) expect([...one.newest()].slice(-2)).toEqual([3, 2]);
});
