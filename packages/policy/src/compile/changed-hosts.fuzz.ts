import type { Workload } from "@ringwall/model";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Inventory, inventoryOf, isManaged } from "../policy-set/inventory.ts";
import { policySetOf } from "../policy-set/policy-set.ts";
import * as world from "../testing/arbitraries.ts";
import { changedHosts } from "./changed-hosts.ts";
import { createHostCompiler } from "./host.ts";

const RUNS = 3000;
const HOUR_MS = 3_600_000;

it("whoever is not among the changed hosts is compiled to the same policy again", () => {
  let kept = 0;
  let changed = 0;
  fc.assert(
    fc.property(
      world.workloads,
      world.workloads,
      fc.array(fc.nat(3), { maxLength: 2 }),
      world.policyResources,
      world.essential,
      fc.constantFrom(0, 0, 0, HOUR_MS * 14),
      fc.constantFrom(false, false, false, true),
      (first, second, replaced, resources, essential, laterMs, moves) => {
        const set = policySetOf(resources);
        const before = inventory(first);
        const after = inventory(exchanged(first, second, replaced, moves));
        const compile = (which: Inventory, nowMs: number) =>
          createHostCompiler(set, which, { revision: 1, essential, proof: "unavailable", nowMs });
        const [fromMs, toMs] = [world.WORK_TIME_MS, world.WORK_TIME_MS + laterMs];
        const one = compile(before, fromMs);
        const other = compile(after, toMs);
        const hosts = changedHosts(
          { set, inventory: before, nowMs: fromMs },
          { set, inventory: after, nowMs: toMs },
        );
        for (const workload of after.workloads.filter(isManaged)) {
          const { name } = workload.metadata;
          if (hosts === null || hosts.has(name)) {
            changed++;
            continue;
          }
          kept++;
          expect(one(name)).toEqual(other(name));
        }
      },
    ),
    { numRuns: RUNS },
  );
  // Both must be common, or the test says little.
  expect(Math.min(kept, changed) / (kept + changed)).toBeGreaterThan(0.1);
});

/** Some workloads of the first as they are in the second, mostly with the addresses they had, or gone. */
function exchanged(
  first: readonly Workload[],
  second: readonly Workload[],
  which: readonly number[],
  moves: boolean,
): readonly Workload[] {
  const wanted = new Set(which.map((i) => first[i]?.metadata.name ?? second[i]?.metadata.name));
  const kept = first.filter((one) => !wanted.has(one.metadata.name));
  const others = second.filter((one) => wanted.has(one.metadata.name));
  const addressesOf = (name: string) => first.find((one) => one.metadata.name === name)?.spec.addresses ?? [];
  return [
    ...kept,
    ...others.map((one) =>
      moves ? one : { ...one, spec: { ...one.spec, addresses: addressesOf(one.metadata.name) } },
    ),
  ];
}

function inventory(workloads: readonly Workload[]): Inventory {
  const made = inventoryOf(workloads);
  if (!made.ok) throw new Error("bug: names are distinct");
  return made.value;
}
