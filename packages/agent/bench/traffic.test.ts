/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { formatTraffic, measureTraffic } from "./traffic.ts";

describe.skipIf(whyNoKernelTests("bench/traffic.test.ts"))("the benchmark of traffic", () => {
  test("measures every load without a firewall, with few rules and with many, and counts every flow", async () => {
    const cost = await measureTraffic(100, 1, 100);
    for (const { few, many, control } of Object.values(cost.loads))
      expect(Math.min(few, many, control)).toBeGreaterThan(0);
    expect(formatTraffic(cost)).toContain("new UDP flow");
  });
});
