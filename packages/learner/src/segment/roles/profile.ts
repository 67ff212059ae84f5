import type { Link } from "../../links.ts";
import type { Party } from "../../party.ts";
import { mainSoftware } from "./main-software.ts";

/** What a host showed of itself: the raw material of its role. */
export type Profile = {
  readonly name: string;
  /** The software that tells it apart from most others; -1 where nothing is known. */
  main: number;
  /** Protocol/port numbers on which the main software serves. */
  readonly serves: Set<number>;
  /** Distinct (relation and direction, peer) observations. */
  readonly contacts: Contact[];
};

export type Contact = {
  /** Interned (direction, protocol, port, own software, peer's software). */
  readonly relation: number;
  /** Index into the peers: hosts first, then everything else. */
  readonly peer: number;
  /** Seen in a single burst: what attacks look like, and rare jobs. */
  readonly isWeak: boolean;
};

export type Profiles = {
  readonly hosts: readonly Profile[];
  /** Peer index of each party; hosts have their own index. */
  readonly peers: number;
  readonly relations: number;
};

const DAY_MS = 86_400_000;
/** In a window of so many days, an edge of a single day and few connections says little. */
const WEAK_WINDOW_DAYS_MIN = 5;
const WEAK_CONNECTIONS_MAX = 20;
/** Where more of the edges than this are passing ones, passing is the rule there. */
const WEAK_SHARE_MAX = 0.3;

/** Builds the profiles of these workloads from the cleaned links. */
export function profilesOf(
  links: readonly Link[],
  workloads: readonly string[],
  parties: readonly Party[],
): Profiles {
  const indexOfName = new Map(workloads.map((name, index) => [name, index]));
  let peers = workloads.length;
  const peerOf = parties.map((party) => {
    const host = party.kind === "workload" ? indexOfName.get(party.name) : undefined;
    return host ?? peers++;
  });
  const hosts: Profile[] = workloads.map((name) => ({ name, main: -1, serves: new Set(), contacts: [] }));
  const mains = mainSoftware(links, peerOf, hosts.length);
  hosts.forEach((host, index) => {
    host.main = mains[index] ?? -1;
  });
  const relations = new Map<string, number>();
  const hasRhythm =
    windowDays(links) >= WEAK_WINDOW_DAYS_MIN &&
    links.filter(isPassing).length < links.length * WEAK_SHARE_MAX;
  const seen = new Set<string>();
  const note = (own: number, peer: number, link: Link, direction: "to" | "from"): void => {
    const host = hosts[own];
    if (host === undefined) return;
    const [software, other] =
      direction === "to" ? [link.srcSoftware, link.dstSoftware] : [link.dstSoftware, link.srcSoftware];
    if (direction === "from" && software === host.main) host.serves.add(portId(link));
    const key = `${direction} ${link.proto} ${link.port} ${software} ${other}`;
    const relation = relations.get(key) ?? relations.size;
    relations.set(key, relation);
    const contact = `${own} ${relation} ${peer}`;
    if (seen.has(contact)) return;
    seen.add(contact);
    const isWeak = hasRhythm && isPassing(link);
    host.contacts.push({ relation, peer, isWeak });
  };
  for (const link of links) {
    const [src, dst] = [peerOf[link.src] ?? -1, peerOf[link.dst] ?? -1];
    if (src === dst) continue;
    note(src, dst, link, "to");
    note(dst, src, link, "from");
  }
  return { hosts, peers, relations: relations.size };
}

function isPassing(link: Link): boolean {
  return link.days <= 1 && link.established <= WEAK_CONNECTIONS_MAX;
}

function portId(link: Link): number {
  return link.port * 4 + ["tcp", "udp", "sctp", "icmp"].indexOf(link.proto);
}

function windowDays(links: readonly Link[]): number {
  let first = Infinity;
  let last = -Infinity;
  for (const link of links) {
    first = Math.min(first, link.firstMs);
    last = Math.max(last, link.lastMs);
  }
  return (last - first) / DAY_MS;
}
