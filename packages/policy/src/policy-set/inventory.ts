import {
  fail,
  isLoopback,
  ok,
  type Problem,
  parseAddress,
  type Result,
  type Workload,
} from "@ringwall/model";
import { compareText } from "./policy-set.ts";

/** The workloads that policy is judged against, indexed. */
export type Inventory = {
  /** In the order of names. */
  readonly workloads: readonly Workload[];
  readonly byName: ReadonlyMap<string, Workload>;
  /** Owners of an address; loopback addresses have none. */
  readonly byAddress: ReadonlyMap<bigint, readonly Workload[]>;
};

/** Fails with `duplicate-workload` where two workloads have one name; addresses may be shared. */
export function inventoryOf(workloads: readonly Workload[]): Result<Inventory> {
  const byName = new Map<string, Workload>();
  const byAddress = new Map<bigint, Workload[]>();
  const problems: Problem[] = [];
  for (const workload of workloads) {
    if (byName.has(workload.metadata.name)) problems.push(duplicateWorkload(workload.metadata.name));
    byName.set(workload.metadata.name, workload);
  }
  if (problems.length > 0) return fail(problems);
  const sorted = workloads.toSorted((a, b) => compareText(a.metadata.name, b.metadata.name));
  for (const workload of sorted) {
    for (const address of ownAddresses(workload)) {
      const owners = byAddress.get(address);
      if (owners === undefined) byAddress.set(address, [workload]);
      else owners.push(workload);
    }
  }
  return ok({ workloads: sorted, byName, byAddress });
}

/** A workload's distinct addresses but those of the loopback interface, which every host has. */
export function ownAddresses(workload: Workload): readonly bigint[] {
  const addresses = new Set<bigint>();
  for (const text of workload.spec.addresses) {
    const address = parseAddress(text);
    if (address !== null && !isLoopback(address)) addresses.add(address);
  }
  return [...addresses];
}

/** Judged by an agent or by embedded code; `none` only has a name and labels. */
export function isManaged(workload: Workload): boolean {
  return workload.spec.management !== "none";
}

function duplicateWorkload(name: string): Problem {
  return {
    code: "duplicate-workload",
    severity: "error",
    message: `the workload \`${name}\` is described twice`,
    fix: "keep one of the two, or give one another name",
  };
}
