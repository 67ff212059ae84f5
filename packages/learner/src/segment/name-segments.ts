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
    const shared = sharedStem(members);
    const program = own ?? programs[number];
    if (labels === null && shared !== null) candidates.push(shared);
    if (program !== undefined) candidates.push(program, ...(shared === null ? [] : [`${shared}-${program}`]));
    return uniqueName(candidates.length === 0 ? ["segment"] : candidates, taken);
  });
}

/** The host names' common beginning without numbers: web-1, web-2 → web. Null where they have none in common. */
export function sharedStem(members: readonly string[]): string | null {
  const stems = new Set(members.map(stemOf));
  const [stem] = stems;
  return stems.size === 1 && stem !== undefined && /[a-z]{2}/i.test(stem) ? stem : null;
}

function stemOf(name: string): string {
  const host = name.slice(name.lastIndexOf("/") + 1).replace(/\..*$/, "");
  return host.replace(/-[a-f0-9]{8,10}-[a-z0-9]{5}$/, "").replace(/[-_]?\d+$/, "");
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
