import {
  fail,
  isLoopback,
  ok,
  type Problem,
  parseAddress,
  type Result,
  type Workload,
} from "@ringwall/model";
import { compareText, type PolicySet } from "./policy-set.ts";

/** The workloads that policy is judged against, indexed. */
export type Inventory = {
  /** In the order of names. */
  readonly workloads: readonly Workload[];
  readonly byName: ReadonlyMap<string, Workload>;
  /** Owners of an address; loopback addresses have none. */
  readonly byAddress: ReadonlyMap<bigint, readonly Workload[]>;
};

/** Fails with `duplicate-workload` where two workloads have one name; addresses may be shared. `locate` says where one stands. */
export function inventoryOf(
  workloads: readonly Workload[],
  locate: PolicySet["locate"] = () => undefined,
): Result<Inventory> {
  const byName = new Map<string, Workload>();
  const byAddress = new Map<bigint, Workload[]>();
  const problems: Problem[] = [];
  for (const workload of workloads) {
    const first = byName.get(workload.metadata.name);
    if (first !== undefined) problems.push(duplicateWorkload(first, workload, locate));
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

function duplicateWorkload(first: Workload, second: Workload, locate: PolicySet["locate"]): Problem {
  const [there, here] = [first, second].map((one) => locate(one, ["metadata", "name"]));
  const elsewhere = there === undefined ? "" : `; the first stands in ${there.file}:${there.line}`;
  return {
    code: "duplicate-workload",
    severity: "error",
    message: `the workload \`${second.metadata.name}\` is described twice${elsewhere}`,
    fix: "keep one of the two, or give one another name",
    ...(here === undefined ? {} : { place: here }),
  };
}
