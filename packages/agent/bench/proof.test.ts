/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { formatProofCost, measureProof } from "./proof.ts";

describe.skipIf(whyNoKernelTests("bench/proof.test.ts"))("the benchmark of the proof", () => {
  test("measures with and without proofs, and that every connection was proved", async () => {
    const cost = await measureProof(1, 200);
    expect(Math.min(cost.proved, cost.plain, cost.tls.mutualTlsNs)).toBeGreaterThan(0);
    expect(formatProofCost(cost)).toContain("mutual TLS");
  });
});
