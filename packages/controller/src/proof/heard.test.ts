import { beforeEach, expect, test } from "vitest";
import { createHeard, type Heard } from "./heard.ts";
import { createHistory, type History } from "./history.ts";
import { AWAY_AWAITED_MS_MAX } from "./limits.ts";

const OFFERED_MS = 1_700_000_000_000;
let nowMs: number;
let history: History;
let heard: Heard;
let told: string[];
const keys = new Map<string, { keys: { generation: number; offeredAt: Date }[] }>();

beforeEach(() => {
  nowMs = OFFERED_MS;
  history = createHistory(1, 100);
  told = [];
  for (const name of ["a", "b", "c", "stranger"]) keys.set(name, { keys: [] });
  heard = createHeard({
    keys,
    history,
    relatedTo: () => (one) => one !== "stranger",
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

test("a host without keys has none that was heard", () => {
  expect([heard.generationOf("a"), heard.generationOf("nobody")]).toEqual([0, 0]);
});
