import type { Link } from "../links.ts";
import type { Party } from "../party.ts";
import type { Partition } from "../segment/partition.ts";
import type { SoftwareGroup } from "../software/software-group.ts";
import type { RuleDraft } from "./merge.ts";
import type { Zone } from "./zone.ts";

type Context = {
  readonly parties: readonly Party[];
  readonly software: readonly SoftwareGroup[];
  readonly partition: Partition;
};

type Host = {
  readonly inside: Link[];
  readonly clients: Set<number>;
  readonly servers: Set<number>;
};

const UNKNOWN = -1;

/** True for what never leaves its host: to a loopback address, or to an address of its own. */
export function isInside({ src, dst }: Link, parties: readonly Party[]): boolean {
  return src === dst || parties[dst]?.kind === "loopback";
}

/**
 * What a host's own programs say to each other crosses no network, so it is told in two rules per segment: its trusted
 * programs may call inside the host, and its services may be called from there, on whatever port.
 */
export function insideRules(
  links: readonly Link[],
  context: Context,
): { readonly drafts: readonly RuleDraft[]; readonly rest: readonly Link[] } {
  const { parties, partition } = context;
  const hosts = new Map<number, Host>();
  const rest: Link[] = [];
  for (const link of links) {
    const [from, to] = [segmentOf(parties[link.src], partition), segmentOf(parties[link.dst], partition)];
    const isSelf = link.src === link.dst;
    // Among replicas a rule for the own address would open the others: there the edge stays exact.
    const isTold =
      isInside(link, parties) &&
      from !== undefined &&
      (!isSelf || partition.groups[from]?.members.length === 1);
    if (!isTold) rest.push(link);
    note(hosts, from, link, "clients", isTold);
    note(hosts, isSelf || to === undefined ? from : to, link, "servers", false);
  }
  const drafts = [...hosts]
    .filter(([, host]) => host.inside.length > 0)
    .flatMap(([number, host]) => draftsOf(number, host, context));
  return { drafts, rest };
}

function note(
  hosts: Map<number, Host>,
  number: number | undefined,
  link: Link,
  side: "clients" | "servers",
  isTold: boolean,
): void {
  if (number === undefined) return;
  const host = hosts.get(number) ?? { inside: [], clients: new Set(), servers: new Set() };
  hosts.set(number, host);
  if (isTold) host.inside.push(link);
  host[side].add(side === "clients" ? link.srcSoftware : link.dstSoftware);
}

function segmentOf(party: Party | undefined, partition: Partition): number | undefined {
  return party?.kind === "workload" ? partition.of.get(party.name) : undefined;
}

function draftsOf(
  number: number,
  host: Host,
  { parties, software, partition }: Context,
): readonly RuleDraft[] {
  const isAlone = partition.groups[number]?.members.length === 1;
  const from: Zone = { kind: "segment", number };
  const to: Zone = isAlone && host.inside.some((link) => link.src === link.dst) ? from : { kind: "loopback" };
  const isTrusted = (id: number): boolean =>
    software[id] !== undefined && software[id].trust !== "low" && software[id].trust !== "dual-use";
  const callers = new Set([...host.clients, ...host.servers].filter(isTrusted));
  for (const link of host.inside) callers.add(link.srcSoftware);
  const called = new Set(host.inside.map((link) => link.dstSoftware));
  const shared = {
    from: [from],
    to: [to],
    ports: [],
    links: host.inside,
    confidence: 0.9,
    inside: true,
  };
  const isLoopbackOnly = host.inside.every((link) => parties[link.dst]?.kind === "loopback");
  const server =
    called.has(UNKNOWN) && !isLoopbackOnly ? [UNKNOWN] : [...called].filter((id) => id !== UNKNOWN);
  return [
    { ...shared, at: "source", fromSoftware: listed(callers), toSoftware: [UNKNOWN] },
    {
      ...shared,
      at: "destination",
      fromSoftware: [UNKNOWN],
      toSoftware: server.length === 0 ? [UNKNOWN] : server,
    },
  ];
}

/** The programs that are known; only where none is, any. */
function listed(ids: ReadonlySet<number>): readonly number[] {
  const known = [...ids].filter((id) => id !== UNKNOWN);
  return known.length === 0 ? [UNKNOWN] : known;
}
