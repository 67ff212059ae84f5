/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { formatProofCost, measureProof } from "./proof.ts";

describe.skipIf(whyNoKernelTests("bench/proof.test.ts"))("the benchmark of the proof", () => {
  test("measures with and without proofs, and that every connection was proved", async () => {
    const cost = await measureProof(1, 200);
    const { node, apart, inline, mutualTlsNs } = cost;
    const ratios = [node, apart, inline].flatMap(({ proved, plain }) => [proved, plain]);
    expect(Math.min(...ratios, mutualTlsNs)).toBeGreaterThan(0);
    expect(formatProofCost(cost)).toContain("mutual TLS");
  });
});
