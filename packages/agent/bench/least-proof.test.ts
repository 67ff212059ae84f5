/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { formatLeastProof, measureLeastProof } from "./least-proof.ts";

describe.skipIf(whyNoKernelTests("bench/least-proof.test.ts"))("the benchmark of the least proof", () => {
  test("measures each load with programs that only prove, each packet of a handshake by a right proof", async () => {
    const least = await measureLeastProof(1, 50);
    expect(least.loads.size).toBe(3);
    expect(Math.min(...[...least.loads.values()].map(({ ratio }) => ratio))).toBeGreaterThan(0);
    expect(formatLeastProof(least)).toContain("Node.js");
  });
});
