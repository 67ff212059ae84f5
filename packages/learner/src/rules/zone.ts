import { hostBlock } from "../knowledge/addresses.ts";
import type { Link } from "../links.ts";
import type { Party } from "../party.ts";
import type { Partition } from "../segment/partition.ts";

/** What a rule's endpoint names for a party: its segment, or the class of what has none. */
export type Zone =
  | { readonly kind: "segment"; readonly number: number }
  | { readonly kind: "loopback" }
  | { readonly kind: "internet" }
  | { readonly kind: "special"; readonly class: "link-local" | "multicast" | "broadcast" }
  | { readonly kind: "cidr"; readonly block: string }
  | { readonly kind: "fqdn"; readonly name: string };

/** Unowned private clients in one /24 from which on the network is named instead of each address. */
const NETWORK_CLIENTS_MIN = 4;

/** The zone of each party. Null for a workload in no segment. */
export function zoneOf(
  party: Party | undefined,
  partition: Partition,
  networks: ReadonlySet<string>,
): Zone | null {
  if (party === undefined) return null;
  switch (party.kind) {
    case "workload": {
      const number = partition.of.get(party.name);
      return number === undefined ? null : { kind: "segment", number };
    }
    case "loopback":
      return { kind: "loopback" };
    case "internet":
      return { kind: "internet" };
    case "special":
      return { kind: "special", class: party.class };
    case "fqdn":
      return { kind: "fqdn", name: party.name };
    case "address": {
      const network = networkOf(party.ip);
      const block = network !== null && networks.has(network) ? network : hostBlock(party.ip);
      return { kind: "cidr", block };
    }
  }
}

export function zoneKey(zone: Zone): string {
  switch (zone.kind) {
    case "segment":
      return `segment ${zone.number}`;
    case "special":
      return `special ${zone.class}`;
    case "cidr":
      return `cidr ${zone.block}`;
    case "fqdn":
      return `fqdn ${zone.name}`;
    case "loopback":
    case "internet":
      return zone.kind;
  }
}

/** Networks of which so many unowned addresses are clients that the network is the client. */
export function clientNetworks(links: readonly Link[], parties: readonly Party[]): ReadonlySet<string> {
  const clients = new Map<string, Set<number>>();
  for (const { src } of links) {
    const party = parties[src];
    const network = party?.kind === "address" ? networkOf(party.ip) : null;
    if (network !== null) clients.set(network, (clients.get(network) ?? new Set<number>()).add(src));
  }
  return new Set(
    [...clients].filter(([, members]) => members.size >= NETWORK_CLIENTS_MIN).map(([network]) => network),
  );
}

function networkOf(ip: string): string | null {
  return ip.includes(":") ? null : `${ip.slice(0, ip.lastIndexOf("."))}.0/24`;
}
