/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { probeExecGate } from "../src/exec/probe-gate.ts";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { formatExecCost, measureExec } from "./exec.ts";

const why = whyNoKernelTests("bench/exec.test.ts") ?? (await probeExecGate()).why;

describe.skipIf(why !== "")("the exec benchmark", () => {
  test("measures without, observed and controlled, and asks about a file only once", async () => {
    const cost = await measureExec(1, 50);
    expect(cost.nsWithout).toBeGreaterThan(0);
    expect(cost.questions).toBe(1);
    expect(formatExecCost(cost)).toContain("A/A");
  });
});
