import { classOfAddress } from "../knowledge/addresses.ts";
import type { EdgeClass } from "./classes.ts";
import { joined, portSpec, type RuleDraft } from "./merge.ts";
import type { Zone } from "./zone.ts";

/** Ports on which hosts announce themselves and look for others on their own network, with the ports that go together. */
const DISCOVERY_PORTS: Readonly<Record<number, readonly number[]>> = {
  67: [67, 68],
  68: [67, 68],
  137: [137, 138],
  138: [137, 138],
  546: [546, 547],
  547: [546, 547],
  1900: [1900],
  3702: [3702],
  5353: [5353],
  5355: [5355],
};

/** True for a call to nobody in particular: to a multicast or broadcast address, on a port made for it. */
export function isDiscovery({ to, proto, port }: EdgeClass): boolean {
  return proto === "udp" && DISCOVERY_PORTS[port] !== undefined && isToAll(to);
}

export function isToAll(zone: Zone): boolean {
  if (zone.kind === "special") return true;
  return zone.kind === "cidr" && classOfAddress(zone.block.split("/")[0] ?? "") === "broadcast";
}

/** One rule for each kind of address: every workload's own programs may look around as some were seen to do. */
export function discoveryRules(classes: readonly EdgeClass[]): readonly RuleDraft[] {
  const groups = Map.groupBy(classes, ({ to, fromSoftware }) => `${to.kind} ${fromSoftware === -1}`);
  return [...groups.values()].map((group) => {
    const drafts = group.map(({ from, fromSoftware, to, proto, port, links }) => ({
      from: [from],
      fromSoftware: [fromSoftware],
      to: [to],
      // Whoever hears it judges by its own rules.
      toSoftware: [-1],
      ports: (DISCOVERY_PORTS[port] ?? [port]).map((one) => portSpec(proto, one)),
      at: "source" as const,
      links,
      confidence: 0.95,
    }));
    return { ...joined(drafts), everybody: true };
  });
}
