/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { whyNot } from "../src/requirements.ts";
import { formatFootprint, measureFootprint } from "./footprint.ts";

const why = whyNot();
if (why !== null) console.warn(`skipped: what an agent takes: ${why}`);

describe.skipIf(why !== null)("what an agent takes of its host", () => {
  test("is looked at idle and under load, and memory keeps its bound", async () => {
    const seen = await measureFootprint(2);
    expect(seen.busyPercent).toBeGreaterThan(0);
    expect(seen.idleMb).toBeLessThan(90);
    expect(formatFootprint(seen)).toContain("» agent, resident memory: ");
  });
});
