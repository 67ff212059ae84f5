import type { Protocol } from "@ringwall/model";
import type { Link } from "../links.ts";
import type { Party } from "../party.ts";
import type { Partition } from "../segment/partition.ts";
import { clientNetworks, type Zone, zoneKey, zoneOf } from "./zone.ts";

/** All links between two zones by the same software to the same software and port: the smallest thing a rule can say. */
export type EdgeClass = {
  readonly from: Zone;
  readonly fromSoftware: number;
  readonly to: Zone;
  readonly toSoftware: number;
  readonly proto: Protocol;
  readonly port: number;
  readonly links: Link[];
};

export function edgeClasses(
  links: readonly Link[],
  parties: readonly Party[],
  partition: Partition,
): readonly EdgeClass[] {
  const networks = clientNetworks(links, parties);
  const zones = parties.map((party) => zoneOf(party, partition, networks));
  const keys = zones.map((zone) => (zone === null ? "" : zoneKey(zone)));
  const classes = new Map<string, EdgeClass>();
  for (const link of links) {
    const from = zones[link.src];
    const to = zones[link.dst];
    if (from == null || to == null) continue;
    const key = `${keys[link.src]}|${link.srcSoftware}|${keys[link.dst]}|${link.dstSoftware}|${link.proto}|${link.port}`;
    const known = classes.get(key);
    if (known !== undefined) known.links.push(link);
    else {
      const { srcSoftware: fromSoftware, dstSoftware: toSoftware, proto, port } = link;
      classes.set(key, { from, fromSoftware, to, toSoftware, proto, port, links: [link] });
    }
  }
  return [...classes.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, edgeClass]) => edgeClass);
}

/** How many distinct (source, destination) pairs a class has, and of each end. */
export type Pairs = { readonly pairs: number; readonly sources: number; readonly destinations: number };

export function pairsOf(links: readonly Link[]): Pairs {
  const pairs = new Set<string>();
  const sources = new Set<string>();
  const destinations = new Set<string>();
  for (const link of links) {
    const src = `${link.src} ${link.srcIp ?? ""}`;
    pairs.add(`${src}>${link.dst}`);
    sources.add(src);
    destinations.add(`${link.dst}`);
  }
  return { pairs: pairs.size, sources: sources.size, destinations: destinations.size };
}
