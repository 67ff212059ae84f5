import type { Link } from "../links.ts";
import type { Party } from "../party.ts";
import type { SoftwareGroup } from "../software/software-group.ts";
import type { Group } from "./partition.ts";

export type RoleContext = { readonly parties: readonly Party[]; readonly software: readonly SoftwareGroup[] };

/** Groups workloads by what they serve, and those that serve nothing by what they run. */
export function findRoles(
  links: readonly Link[],
  workloads: readonly string[],
  _known: readonly Group[],
  { parties, software }: RoleContext,
): readonly Group[] {
  const serves = new Map<string, Set<string>>();
  const runs = new Map<string, Set<string>>();
  const note = (map: Map<string, Set<string>>, party: Party | undefined, what: string): void => {
    if (party?.kind === "workload") map.set(party.name, (map.get(party.name) ?? new Set<string>()).add(what));
  };
  for (const link of links) {
    note(runs, parties[link.src], software[link.srcSoftware]?.name ?? "unknown");
    note(
      serves,
      parties[link.dst],
      `${software[link.dstSoftware]?.name ?? "unknown"} on ${link.proto}/${link.port}`,
    );
  }
  const wordsOf = (name: string): string => {
    const served = serves.get(name);
    if (served !== undefined) return `they serve ${[...served].sort().join(", ")}`;
    const run = runs.get(name);
    return run === undefined
      ? "they were silent"
      : `they serve nothing and run ${[...run].sort().join(", ")}`;
  };
  const active = workloads.filter((name) => serves.has(name) || runs.has(name));
  return [...Map.groupBy(active, wordsOf)].map(([why, members]) => ({ members, labels: null, why }));
}
