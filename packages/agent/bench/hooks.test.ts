/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { formatHookCost, measureHooks } from "./hooks.ts";

describe.skipIf(whyNoKernelTests("bench/hooks.test.ts"))("the benchmark of the hooks", () => {
  test("measures each load with programs that do nothing, and leaves none attached", async () => {
    const cost = await measureHooks(1, 50);
    const ratios = [...cost.loads.values()].map(({ ratio }) => ratio);
    expect(ratios).toHaveLength(4);
    expect(Math.min(...ratios)).toBeGreaterThan(0);
    expect(formatHookCost(cost)).toContain("new UDP flow");
  });
});
