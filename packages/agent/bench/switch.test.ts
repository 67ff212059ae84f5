/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { formatSwitch, measureSwitch } from "./switch.ts";

describe.skipIf(whyNoKernelTests("bench/switch.test.ts"))("the benchmark of switches", () => {
  test("replaces and changes a policy, beside nftables", async () => {
    const cost = await measureSwitch(100, 1);
    expect(Math.min(cost.replaceMs, cost.changeMs, cost.nftReplaceMs, cost.nftAddMs)).toBeGreaterThan(0);
    expect(formatSwitch(cost)).toContain("entries replaced");
  });
});
