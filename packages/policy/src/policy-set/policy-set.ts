import type { Assertion, Place, Policy, Resource, Segment, Software, Workload } from "@ringwall/model";

/** Everything a folder of policy files (or a controller's revision) says, by kind and in the order of names. */
export type PolicySet = {
  readonly workloads: readonly Workload[];
  readonly software: readonly Software[];
  readonly segments: readonly Segment[];
  readonly policies: readonly Policy[];
  readonly assertions: readonly Assertion[];
  /** Where a resource, or the value at `path` inside it, stands in the text; undefined where it came from no text. */
  readonly locate: (resource: Resource, path?: readonly (string | number)[]) => Place | undefined;
};

const nowhere = (): undefined => undefined;

/** Sorts resources by kind and name; order of input never matters. Duplicates are `parsePolicy`'s and `check`'s to report. */
export function policySetOf(
  resources: readonly Resource[],
  locate: PolicySet["locate"] = nowhere,
): PolicySet {
  const sorted = resources.toSorted((a, b) => compareText(a.metadata.name, b.metadata.name));
  return {
    workloads: sorted.filter((one) => one.kind === "Workload"),
    software: sorted.filter((one) => one.kind === "Software"),
    segments: sorted.filter((one) => one.kind === "Segment"),
    policies: sorted.filter((one) => one.kind === "Policy"),
    assertions: sorted.filter((one) => one.kind === "Assertion"),
    locate,
  };
}

/** Every resource of the set, kind by kind. */
export function resourcesOf(set: PolicySet): readonly Resource[] {
  return [...set.workloads, ...set.software, ...set.segments, ...set.policies, ...set.assertions];
}

/** Code-unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
