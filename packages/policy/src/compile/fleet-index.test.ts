import { API_VERSION, type LabelSelector, NAME_LABEL, type Workload } from "@ringwall/model";
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { selectsWorkload } from "../policy-set/labels.ts";
import * as world from "../testing/arbitraries.ts";
import { createFleetIndex } from "./fleet-index.ts";

// A shared machine may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

/** Also the implied label, a key of which no value is named elsewhere, and a key that every object inherits. */
const requirement = fc.oneof(
  fc.constantFrom("a", "b", "w0", "w1"),
  fc.uniqueArray(fc.constantFrom("a", "b", "w2"), { minLength: 1 }),
  fc.record({ not: fc.constantFrom("a", "w1") }),
  fc.record({ exists: fc.boolean() }),
);
const selector: fc.Arbitrary<LabelSelector> = fc.oneof(
  world.labelSelector,
  fc.dictionary(fc.constantFrom("app", "role", NAME_LABEL, "constructor"), requirement, { maxKeys: 3 }),
);
const labels = fc.dictionary(
  fc.constantFrom("app", "role", NAME_LABEL, "constructor"),
  fc.constantFrom("a", "b", "c"),
);

it("after any relabelling every set is what its selector selects, and deltas lead from one to the next", () => {
  fc.assert(
    fc.property(
      world.workloads,
      fc.array(selector, { maxLength: 8 }),
      fc.array(fc.tuple(fc.nat(3), labels), { maxLength: 5 }),
      (workloads, selectors, changes) => {
        const index = createFleetIndex(workloads, selectors);
        const now = workloads.map((one) => one);
        const kept = selectors.map((_, i) => new Set(index.members(i)));
        for (const [at, labels] of changes) {
          now[at] = relabelled(workloads[at] as Workload, labels);
          for (const { selector, workload, change } of index.relabel(at, labels))
            if (change === "joined") kept[selector]?.add(workload);
            else kept[selector]?.delete(workload);
        }
        selectors.forEach((selector, i) => {
          const expected = now.flatMap((one, w) => (selectsWorkload(selector, one) ? [w] : []));
          expect(index.members(i)).toEqual(expected);
          expect([...(kept[i] ?? [])].sort()).toEqual(expected);
        });
      },
    ),
    { numRuns: 500 },
  );
});

function relabelled(workload: Workload, labels: Record<string, string>): Workload {
  return { ...workload, apiVersion: API_VERSION, metadata: { name: workload.metadata.name, labels } };
}
