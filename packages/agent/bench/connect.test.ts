/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { formatCost, measureConnect } from "./connect.ts";

describe.skipIf(whyNoKernelTests("bench/connect.test.ts"))("the connection benchmark", () => {
  test("measures with and without the programs and counts every connection", async () => {
    const cost = await measureConnect(10, 1, 200);
    expect(cost.nsWith).toBeGreaterThan(0);
    expect(cost.nsWithout).toBeGreaterThan(0);
    expect(formatCost(cost)).toContain("A/A");
  });
});
