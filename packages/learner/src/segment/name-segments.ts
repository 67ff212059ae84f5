import type { Link } from "../links.ts";
import { uniqueName } from "../names.ts";
import type { Party } from "../party.ts";
import type { SoftwareGroup } from "../software/software-group.ts";
import type { Partition } from "./partition.ts";

type Context = {
  readonly parties: readonly Party[];
  readonly software: readonly SoftwareGroup[];
  readonly links: readonly Link[];
};

/** A name per segment, in the partition's order: from labels, else what the hosts' names share, else what they run. */
export function nameSegments(partition: Partition, context: Context, taken: Set<string>): readonly string[] {
  const programs = mainPrograms(partition, context);
  const stems = partition.groups.map(({ members }) => sharedStem(members));
  const ports = servedPorts(partition, context);
  return partition.groups.map(({ labels, called, members, program: own }, number) => {
    const candidates =
      labels === null
        ? []
        : [
            Object.values(labels)
              .filter((value) => typeof value === "string")
              .join("-"),
          ];
    if (called !== undefined) candidates.push(called);
    const shared = stems[number] ?? null;
    const program = own ?? programs[number];
    const [host] = members;
    const isOnly = shared !== null && stems.filter((stem) => stem === shared).length === 1;
    // Hosts numbered alike that do different things: one by one their own names tell most.
    if (labels === null && shared !== null && !isOnly && members.length === 1 && host !== undefined)
      candidates.push(host.slice(host.lastIndexOf("/") + 1).replace(/\..*$/, ""));
    if (labels === null && isOnly) candidates.push(shared);
    if (program !== undefined) candidates.push(...(shared === null ? [] : [`${shared}-${program}`]), program);
    if (program !== undefined && ports[number] !== undefined) candidates.push(`${program}-${ports[number]}`);
    if (labels === null && shared !== null) candidates.push(shared);
    return uniqueName(candidates.length === 0 ? ["segment"] : candidates, taken);
  });
}

/** The host names' common beginning without numbers: web-1, web-2 → web. Null where they have none in common. */
export function sharedStem(members: readonly string[]): string | null {
  const stems = new Set(members.map(stemOf));
  const [stem] = stems;
  return stems.size === 1 && stem !== undefined && /[a-z]{2}/i.test(stem) && !GENERATED.test(stem)
    ? stem
    : null;
}

/** Names that machines gave: `h-3fa9c1`, `i-0abc12de34`, `ip-10-0-3`. */
const GENERATED = /(?:^|[-_])(?=[0-9a-f]*\d)[0-9a-f]{5,}$|^ip(?:-\d+)+$/i;

function stemOf(name: string): string {
  const host = name.slice(name.lastIndexOf("/") + 1).replace(/\..*$/, "");
  return host.replace(/-[a-f0-9]{8,10}-[a-z0-9]{5}$/, "").replace(/[-_]?\d+$/, "");
}

/** The port that most of a segment's clients call. */
function servedPorts(partition: Partition, { links, parties }: Context): readonly (number | undefined)[] {
  const clients = partition.groups.map(() => new Map<number, number>());
  for (const { dst, port } of links) {
    const party = parties[dst];
    const own = party?.kind === "workload" ? clients[partition.of.get(party.name) ?? -1] : undefined;
    if (own !== undefined && port > 0) own.set(port, (own.get(port) ?? 0) + 1);
  }
  return clients.map((own) => [...own].sort(([a, x], [b, y]) => y - x || a - b)[0]?.[0]);
}

/** The program most of a segment's traffic is about: what it serves, else what it runs. */
function mainPrograms(
  partition: Partition,
  { links, parties, software }: Context,
): readonly (string | undefined)[] {
  const weights = partition.groups.map(() => new Map<string, number>());
  const add = (party: Party | undefined, program: number, weight: number): void => {
    const number = party?.kind === "workload" ? partition.of.get(party.name) : undefined;
    const name = software[program]?.name;
    const weightOf = number === undefined ? undefined : weights[number];
    if (weightOf === undefined || name === undefined) return;
    weightOf.set(name, (weightOf.get(name) ?? 0) + weight);
  };
  for (const link of links) {
    add(parties[link.dst], link.dstSoftware, 1000);
    add(parties[link.src], link.srcSoftware, 1);
  }
  return weights.map((weight) => [...weight].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0]);
}
