import { API_VERSION, type Workload } from "@ringwall/model";
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { selectsWorkload } from "../policy-set/labels.ts";
import * as world from "../testing/arbitraries.ts";
import { createFleetIndex } from "./fleet-index.ts";

// A shared machine may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

it("after any relabelling every set is what its selector selects, and deltas lead from one to the next", () => {
  fc.assert(
    fc.property(
      world.workloads,
      fc.array(world.labelSelector, { maxLength: 8 }),
      fc.array(
        fc.tuple(fc.nat(3), fc.dictionary(fc.constantFrom("app", "role"), fc.constantFrom("a", "b"))),
        { maxLength: 5 },
      ),
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
