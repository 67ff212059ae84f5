import type { Fleet } from "../store/state/fleet.ts";
import type { NewAlert } from "./alerts.ts";

/** Addresses remembered as told; beyond it all are forgotten, and what is still shared is told once more. */
export const SHARED_ADDRESSES_REMEMBERED_MAX = 10_000;
/** Hosts that an alert names; a container bridge's address may be that of every host. */
const HOSTS_NAMED_MAX = 4;

/** What the alerts are made from. */
export type AddressOwners = Pick<Fleet, "get" | "ownersOf">;

/**
 * Alerts for addresses that several living hosts report: no rule by workload speaks for them any more, so that allows are
 * lost. Each is told when it begins, and again only after it had ended.
 */
export function createSharedAddressAlerts(
  fleet: AddressOwners,
): (workload: string, nowMs: number) => NewAlert[] {
  const told = new Set<string>();
  return (workload, nowMs) => {
    const shared: NewAlert[] = [];
    for (const address of fleet.get(workload)?.addresses ?? []) {
      const owners = fleet.ownersOf(address);
      if (owners.length < 2) {
        told.delete(address);
        continue;
      }
      if (told.has(address)) continue;
      if (told.size >= SHARED_ADDRESSES_REMEMBERED_MAX) told.clear();
      told.add(address);
      shared.push(alertOf(workload, address, owners, nowMs));
    }
    return shared;
  };
}

function alertOf(workload: string, address: string, owners: readonly string[], nowMs: number): NewAlert {
  // Sorted, so that the alert is the same one whichever host reported last.
  const names = [...owners].sort();
  const named = names.slice(0, HOSTS_NAMED_MAX).map((name) => `\`${name}\``);
  const more = names.length - named.length;
  const hosts = more > 0 ? `${named.join(", ")} and ${more} more` : named.join(" and ");
  return {
    kind: "shared-address",
    workload,
    message: `${hosts} report the same address ${address}: no rule by workload matches it until only one of them has it`,
    rule: null,
    timeMs: nowMs,
    count: 1,
  };
}
