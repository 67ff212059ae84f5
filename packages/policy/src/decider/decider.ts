import type { Attempt, Result, Verdict } from "@ringwall/model";
import type { Inventory } from "../policy-set/inventory.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type DecideOptions, decide } from "../spec/decide.ts";

/** Judges many attempts against one policy. */
export type Decider = {
  /** The same answer as the reference evaluator's. */
  readonly decide: (attempt: Attempt, line?: number) => Result<Verdict>;
};

export function createDecider(set: PolicySet, inventory: Inventory, options: DecideOptions = {}): Decider {
  return { decide: (attempt, line = 1) => decide(set, inventory, attempt, { ...options, line }) };
}
