import { describe, expect, test } from "vitest";
import { boutiqueBars } from "./boutique.ts";
import { shop } from "./corner-shop.ts";
import { fleetBars, fleets, naiveLines } from "./fleets.ts";
import { keptBars } from "./kept.ts";
import { adjustedRand } from "./rand-index.ts";
import { readinessBars } from "./readiness.ts";
import { scaleTrial } from "./scale.ts";

/** On a busy machine; nothing here is timed. */
const TIMEOUT_MS = 120_000;

describe("the benchmark, small", { timeout: TIMEOUT_MS }, () => {
  test("meets the bars of a fleet at nine tenths of the pairs seen, labels hidden and given", () => {
    for (const withLabels of [false, true]) {
      const missed = fleetBars(fleets([shop], [1, 2], 0.9, withLabels)).filter((bar) => !bar.isMet);
      expect(missed).toEqual([]);
    }
  });

  test("finds the true edges of an application and none beyond them", () => {
    const missed = boutiqueBars(shop).filter((bar) => !bar.isMet);
    expect(missed).toEqual([]);
  });

  test("needs no rule for replicas, upgrades and moved hosts, and lets no stranger in", () => {
    expect(keptBars([shop], [1]).filter((bar) => !bar.isMet)).toEqual([]);
  });

  test("foretells how much is new within its interval as often as it says", () => {
    expect(readinessBars(40).filter((bar) => !bar.isMet)).toEqual([]);
  });

  test("prints the naive keys beside it", () => {
    expect(naiveLines([shop], [1], 0.9)).toHaveLength(4);
  });

  test("learns a fleet without going through flows", () => {
    expect(scaleTrial([shop], 2, 4, 1).rand).toBeGreaterThan(0.9);
  });
});

test("the adjusted Rand index is 1 for the same division and near 0 for chance", () => {
  expect(adjustedRand(["a", "a", "b", "b"], ["x", "x", "y", "y"])).toBe(1);
  expect(adjustedRand(["a", "a", "b", "b"], ["x", "y", "x", "y"])).toBeLessThan(0);
});
