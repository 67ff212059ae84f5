import fc from "fast-check";
import { expect, it } from "vitest";
import { inventoryOf } from "../policy-set/inventory.ts";
import { policySetOf } from "../policy-set/policy-set.ts";
import { decide } from "../spec/decide.ts";
import * as world from "../testing/arbitraries.ts";
import { createDecider } from "./decider.ts";

const RUNS = 800;

it("the indexed decider gives the reference evaluator's verdict, word for word", () => {
  fc.assert(
    fc.property(
      world.workloads,
      world.policyResources,
      world.essential,
      fc.boolean(),
      fc.array(world.attempt, { minLength: 20, maxLength: 20 }),
      (workloads, resources, essential, stripped, attempts) => {
        const set = policySetOf(resources);
        const inventory = inventoryOf(workloads);
        if (!inventory.ok) throw new Error("bug: names are distinct");
        const options = {
          essential,
          nowMs: world.WORK_TIME_MS,
          ...(stripped ? { pathStripped: () => true } : {}),
        };
        const decider = createDecider(set, inventory.value, options);
        const brief = createDecider(set, inventory.value, { ...options, nearest: false });
        for (const attempt of attempts) {
          const expected = decide(set, inventory.value, attempt, options);
          expect(decider.decide(attempt)).toEqual(expected);
          expect(withoutNearest(brief.decide(attempt))).toEqual(withoutNearest(expected));
        }
      },
    ),
    { numRuns: RUNS },
  );
});

function withoutNearest(verdict: ReturnType<typeof decide>): unknown {
  return JSON.parse(JSON.stringify(verdict), (key, value) => (key === "nearest" ? undefined : value));
}
