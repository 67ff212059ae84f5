import type { FlowEnd, Workload } from "@ringwall/model";
import { isLoopback, parseAddress } from "@ringwall/model";
import { type Inventory, isManaged, ownAddresses } from "./inventory.ts";

/** One end of an attempt, looked up: who owns it, and what its process is as far as the attempt says. */
export type End = {
  readonly flow: FlowEnd;
  /** The one workload it is; null where there is none, or several own the address. */
  readonly workload: Workload | null;
  /** Everybody who owns the address. */
  readonly owners: readonly Workload[];
  /** Possible addresses: the one given, else all of the named workload's. */
  readonly addresses: readonly bigint[];
  /** A workload was named together with an address that is not its own. */
  readonly foreign: boolean;
};

/** A known `workload` wins; else the address's owner, if it has one; a loopback address is the other end's own. */
export function lookUpEnd(inventory: Inventory, flow: FlowEnd, other: FlowEnd): End {
  const address = typeof flow.ip === "string" ? parseAddress(flow.ip) : null;
  const loopback = address !== null && isLoopback(address);
  const name = flow.workload ?? (loopback ? other.workload : null) ?? null;
  const named = name === null ? undefined : inventory.byName.get(name);
  if (named !== undefined) {
    const own = ownAddresses(named);
    const foreign = address !== null && !loopback && !own.includes(address);
    return { flow, workload: named, owners: [named], addresses: address === null ? own : [address], foreign };
  }
  const addresses = address === null ? [] : [address];
  if (loopback && typeof other.ip === "string" && !isLoopback(parseAddress(other.ip) ?? address)) {
    const { workload, owners } = lookUpEnd(inventory, { ip: other.ip }, {});
    return { flow, workload, owners, addresses, foreign: false };
  }
  const owners = address === null ? [] : (inventory.byAddress.get(address) ?? []);
  return {
    flow,
    workload: owners.length === 1 ? (owners[0] ?? null) : null,
    owners,
    addresses,
    foreign: false,
  };
}

/** Owned by no Workload: known to be so, not merely unknown. */
export function isUnmanaged(end: End): boolean {
  return end.owners.length === 0 && end.addresses.length > 0;
}

/** Nobody there could ever prove which process it is. */
export function cannotProve(end: End): boolean {
  return isUnmanaged(end) || (end.workload !== null && !isManaged(end.workload));
}
