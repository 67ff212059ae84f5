import type { Workload } from "@ringwall/model";
import { listOf, selectsWorkload } from "./labels.ts";
import { compareText, type PolicySet } from "./policy-set.ts";

/** A `run` rule: what may be executed on the workloads of its segments. */
export type RunRule = {
  /** `POLICY/RULE NAME` */
  readonly name: string;
  readonly segments: readonly string[];
  readonly software: readonly string[];
};

export function runRules(set: PolicySet): readonly RunRule[] {
  const rules = set.policies.flatMap((policy) =>
    policy.spec.rules.flatMap((rule) =>
      "run" in rule
        ? [
            {
              name: `${policy.metadata.name}/${rule.name}`,
              segments: listOf(rule.run.segment),
              software: listOf(rule.run.software),
            },
          ]
        : [],
    ),
  );
  return rules.toSorted((a, b) => compareText(a.name, b.name));
}

/** The rules that speak for one workload; a segment that does not resolve allows nothing. */
export function runRulesOf(set: PolicySet, workload: Workload): readonly RunRule[] {
  const segments = set.segments.filter((one) => selectsWorkload(one.spec.workloads, workload));
  const names = new Set(segments.map((one) => one.metadata.name));
  return runRules(set).filter((rule) => rule.segments.some((name) => names.has(name)));
}
