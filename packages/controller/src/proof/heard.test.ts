import { expect, test } from "vitest";
import { createHeard, isAwaited } from "./heard.ts";
import { AWAY_AWAITED_MS_MAX } from "./limits.ts";

test("an agent's own word of what it has counts more than what it was given", () => {
  const heard = createHeard();
  expect(heard.versionOf("a")).toBe(0);
  heard.given("a", 7);
  expect(heard.versionOf("a")).toBe(7);
  heard.has("a", 5);
  heard.given("a", 9);
  expect(heard.versionOf("a")).toBe(5);
});

test("those that wait for a host are told once", () => {
  const heard = createHeard();
  heard.wait("b", "a");
  heard.wait("c", "a");
  heard.wait("b", "a");
  expect([...heard.takeWaiting("a")]).toEqual(["b", "c"]);
  expect([...heard.takeWaiting("a")]).toEqual([]);
});

test("a host that is away holds up the others' keys for a week, and no longer", () => {
  const offered = new Date(1_700_000_000_000);
  expect(isAwaited(offered, offered.getTime() + AWAY_AWAITED_MS_MAX)).toBe(true);
  expect(isAwaited(offered, offered.getTime() + AWAY_AWAITED_MS_MAX + 1)).toBe(false);
  expect(isAwaited(undefined, 0)).toBe(false);
});
