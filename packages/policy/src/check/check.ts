import type { Problem } from "@ringwall/model";
import type { EssentialConfig } from "../policy-set/essential.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { comparePlaces } from "./compare-places.ts";
import { lockoutProblems } from "./lockout.ts";
import { proofProblems } from "./proofs.ts";
import { referenceProblems } from "./references.ts";
import { ruleProblems } from "./rules.ts";
import { segmentProblems } from "./segments.ts";
import { softwareProblems } from "./software.ts";
import { inventoryProblems } from "./workloads.ts";

export type CheckOptions = {
  /** What operators and agents need; undefined = not known here, so that a missing management list is only a warning. */
  readonly essential?: EssentialConfig;
  /** Milliseconds since 1970, for expiry. */
  readonly nowMs: number;
  /** "unavailable": refuse `verified: required`, because no host can give a proof yet. */
  readonly proof?: "unavailable";
};
export type World = {
  readonly set: PolicySet;
  readonly inventory: Inventory;
  readonly options: CheckOptions;
};

/** Everything that can be said about a policy without traffic, in the order of the text. Any `error` means: refuse it. */
export function checkPolicy(set: PolicySet, inventory: Inventory, options: CheckOptions): readonly Problem[] {
  const world: World = { set, inventory, options };
  return [
    ...referenceProblems(world),
    ...ruleProblems(world),
    ...segmentProblems(world),
    ...softwareProblems(world),
    ...inventoryProblems(world),
    ...lockoutProblems(world),
    ...proofProblems(world),
  ].toSorted(comparePlaces);
}
