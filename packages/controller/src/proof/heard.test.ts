import { beforeEach, expect, test } from "vitest";
import { createHeard, type Heard } from "./heard.ts";
import { createHistory, type History } from "./history.ts";
import { AWAITED_SHOWN_AFTER_MS, AWAY_AWAITED_MS_MAX } from "./limits.ts";

const OFFERED_MS = 1_700_000_000_000;
let nowMs: number;
let history: History;
let heard: Heard;
let told: string[];
let away: Set<string>;
const keys = new Map<string, { keys: { generation: number; offeredAt: Date }[] }>();

beforeEach(() => {
  nowMs = OFFERED_MS;
  history = createHistory(1, 100);
  told = [];
  away = new Set();
  for (const name of ["a", "b", "c", "stranger"]) keys.set(name, { keys: [] });
  heard = createHeard({
    keys,
    history,
    relatedTo: () => (one) => one !== "stranger",
    isConnected: (one) => !away.has(one),
    nowMs: () => nowMs,
    onHeard: (owner) => told.push(owner),
  });
});

/** The host has these keys from this moment on. */
function offer(name: string, ...generations: number[]): void {
  const offeredAt = new Date(OFFERED_MS);
  keys.set(name, { keys: generations.map((generation) => ({ generation, offeredAt })) });
  history.touch(name);
}

test("a key is heard once all related hosts were given it, and its owner is told of that once", () => {
  offer("a", 1, 2);
  expect(heard.generationOf("a")).toBe(1);
  heard.given("b", history.version());
  expect(heard.generationOf("a")).toBe(1);
  expect(told).toEqual([]);
  heard.given("c", history.version());
  heard.given("c", history.version());
  expect(told).toEqual(["a"]);
  expect(heard.generationOf("a")).toBe(2);
});

test("an agent's own word of what it has counts more than what it was given", () => {
  offer("a", 1, 2);
  heard.given("b", history.version());
  heard.has("c", history.version() - 1);
  heard.given("c", history.version());
  expect(heard.generationOf("a")).toBe(1);
  heard.has("c", history.version());
  expect(heard.generationOf("a")).toBe(2);
});

test("what an agent heard before the controller was started again is nothing it has now", () => {
  const old = createHistory(0, 100).touch("a");
  offer("a", 1, 2);
  heard.has("b", old);
  heard.has("c", history.version());
  expect(heard.generationOf("a")).toBe(1);
});

test("a host that is away holds up the others' keys for a week, and no longer", () => {
  offer("a", 1, 2);
  heard.has("b", history.version());
  nowMs = OFFERED_MS + AWAY_AWAITED_MS_MAX;
  expect(heard.generationOf("a")).toBe(1);
  nowMs += 1;
  expect(heard.generationOf("a")).toBe(2);
});

test("a fleet that waits for one host is told when the wait is over, though nothing else happens", () => {
  offer("a", 1, 2);
  heard.has("b", history.version());
  heard.generationOf("a");
  heard.lookAtAll();
  expect(told).toEqual([]);
  nowMs = OFFERED_MS + AWAY_AWAITED_MS_MAX + 1;
  heard.lookAtAll();
  heard.lookAtAll();
  expect(told).toEqual(["a"]);
  expect(heard.generationOf("a")).toBe(2);
});

test("a host that is set up anew has nothing of what it had", () => {
  offer("a", 1, 2);
  heard.has("b", history.version());
  heard.has("c", history.version());
  heard.forget("c");
  expect(heard.generationOf("a")).toBe(1);
});

/** Hosts that others wait for: whose keys they hold up. */
const awaited = () => Object.fromEntries([...heard.awaited()].map(([name, { owners }]) => [name, owners]));

test("a host is awaited by those whose newest key it lacks, from a minute on and for a week at most", () => {
  away = new Set(["c"]);
  offer("a", 1, 2);
  offer("b", 7, 8);
  heard.has("a", history.version());
  heard.has("b", history.version());
  for (const name of ["a", "b"]) heard.generationOf(name);
  expect(awaited()).toEqual({});
  nowMs = OFFERED_MS + AWAITED_SHOWN_AFTER_MS;
  expect([...heard.awaited()]).toEqual([
    ["c", { owners: ["a", "b"], sinceMs: OFFERED_MS, untilMs: OFFERED_MS + AWAY_AWAITED_MS_MAX }],
  ]);
  nowMs = OFFERED_MS + AWAY_AWAITED_MS_MAX + 1;
  expect(awaited()).toEqual({});
});

test("a host is awaited by nobody who is away too, who uses the key by now, or who has nothing to do with it", () => {
  away = new Set(["b", "c", "stranger"]);
  for (const name of ["a", "b", "c"]) offer(name, 1, 2);
  nowMs = OFFERED_MS + AWAITED_SHOWN_AFTER_MS;
  expect(awaited()).toEqual({ b: ["a"], c: ["a"] });
  for (const name of ["b", "c"]) heard.given(name, history.version());
  expect(heard.generationOf("a")).toBe(2);
  // Something else about it is new: its address.
  history.touch("a");
  expect(awaited()).toEqual({});
});

test("a connected host is awaited that says it goes on by less than it was given", () => {
  offer("a", 1, 2);
  heard.has("b", history.version());
  heard.given("c", history.version());
  heard.has("c", history.version() - 1);
  heard.generationOf("a");
  nowMs = OFFERED_MS + AWAITED_SHOWN_AFTER_MS;
  expect(awaited()).toEqual({ c: ["a"] });
  heard.has("c", history.version());
  expect(awaited()).toEqual({});
});

test("after the controller's start every host has a minute to come back", () => {
  nowMs = OFFERED_MS + 10 * AWAITED_SHOWN_AFTER_MS;
  heard = createHeard({
    keys,
    history,
    relatedTo: () => (one) => one !== "stranger",
    isConnected: (one) => one === "a",
    nowMs: () => nowMs,
    onHeard: () => undefined,
  });
  offer("a", 1, 2);
  expect(awaited()).toEqual({});
  nowMs += AWAITED_SHOWN_AFTER_MS;
  expect(awaited()).toEqual({ b: ["a"], c: ["a"] });
});

test("a host without keys has none that was heard", () => {
  expect([heard.generationOf("a"), heard.generationOf("nobody")]).toEqual([0, 0]);
});
