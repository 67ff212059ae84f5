import { formatPrefix, type Workload } from "@ringwall/model";
import { type Inventory, ownAddresses } from "../policy-set/inventory.ts";

/** `HostPolicy.managedAddresses` of each host of one inventory: what other workloads own, sorted. */
export function createManagedAddresses(inventory: Inventory): (workload: Workload) => string[] {
  const owners = new Map<string, number>();
  const textsOf = new Map<Workload, readonly string[]>();
  for (const workload of inventory.workloads) {
    const texts = ownAddresses(workload).map((address) => formatPrefix({ address, bits: 128 }));
    textsOf.set(workload, texts);
    for (const text of texts) owners.set(text, (owners.get(text) ?? 0) + 1);
  }
  const all = [...owners.keys()].sort();
  return (workload) => {
    const alone = new Set((textsOf.get(workload) ?? []).filter((text) => owners.get(text) === 1));
    return all.filter((text) => !alone.has(text));
  };
}
