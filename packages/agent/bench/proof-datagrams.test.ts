/** The benchmark runs small in every test run, so that it still runs when it is needed. */
import { describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { formatDatagramProofCost, measureDatagramProof } from "./proof-datagrams.ts";

describe.skipIf(whyNoKernelTests("bench/proof-datagrams.test.ts"))(
  "the benchmark of datagrams' proof",
  () => {
    test("measures with and without proofs, and that every flow was proved", async () => {
      const cost = await measureDatagramProof(1, 200);
      expect(Math.min(cost.proved, cost.plain, cost.control)).toBeGreaterThan(0);
      expect(formatDatagramProofCost(cost)).toContain("new UDP flow");
    });
  },
);
