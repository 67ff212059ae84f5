/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { formatShadow, measureShadow } from "./shadow.ts";

describe.skipIf(whyNoKernelTests("bench/shadow.test.ts"))("the benchmark of the shadow", () => {
  test("measures with and without a draft, which every connection meets at both ends", async () => {
    const cost = await measureShadow(10, 1, 200);
    expect(cost.same).toBeGreaterThan(0);
    expect(formatShadow(cost)).toContain("A/A");
  });
});
