import { expect, it } from "vitest";
import { createHistory } from "./history.ts";

it("counts on from one run to the next, and sends everything to who comes from another", () => {
  const first = createHistory(1, 10);
  const before = first.touch("a");
  const second = createHistory(2, 10);
  expect(second.version()).toBeGreaterThan(before);
  expect([0, before, second.version() + 1].map((version) => second.isTooOld(version))).toEqual([
    true,
    true,
    true,
  ]);
  expect(second.isTooOld(second.version())).toBe(false);
});

it("knows what changed since a version", () => {
  const history = createHistory(1, 10);
  const start = history.version();
  history.touch("a");
  const middle = history.touch("b");
  history.touch("a");
  expect(["a", "b", "c"].map((key) => history.changedAt(key) > middle)).toEqual([true, false, false]);
  expect(history.isTooOld(start)).toBe(false);
});

it("sends everything to who is behind what it remembers", () => {
  const history = createHistory(1, 2);
  const start = history.version();
  history.touch("a");
  const middle = history.touch("b");
  const last = history.touch("c");
  expect([start, middle, last].map((version) => history.isTooOld(version))).toEqual([true, true, false]);
});
