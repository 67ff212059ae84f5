import type { Link } from "../../links.ts";
import type { Party } from "../../party.ts";
import type { SoftwareGroup } from "../../software/software-group.ts";
import type { Group } from "../partition.ts";
import { clusterHosts } from "./cluster.ts";
import { explainRole } from "./explain-role.ts";
import { type FeatureTable, featureTable } from "./features.ts";
import { nameHint } from "./name-hint.ts";
import { type Profiles, profilesOf } from "./profile.ts";

export type RoleContext = { readonly parties: readonly Party[]; readonly software: readonly SoftwareGroup[] };

/** Rounds of clustering; each sees the peers through the roles that the round before found. */
const ROUNDS_MAX = 8;
/** How much better one role must explain two groups than two do, natural logarithm: strict first, while peers are unsorted. */
const THRESHOLD_FIRST = 2;
const THRESHOLD = -4;
/** More that it takes where no program is known, since anything may be behind a port. */
const THRESHOLD_UNKNOWN = 4;
/** Assumed share of pairs that a window shows, and how many pairs' worth of evidence outweigh it. */
const COVERAGE_FIRST = 0.65;
const COVERAGE_WEIGHT = 100;

/**
 * Roles of workloads that nobody labelled: hosts with the same program that have the same neighbours by role, port and
 * software, allowing for the pairs that the window did not show.
 */
export function findRoles(
  links: readonly Link[],
  workloads: readonly string[],
  known: readonly Group[],
  context: RoleContext,
): readonly Group[] {
  const profiles = profilesOf(links, workloads, context.parties);
  const fixed = knownPeers(workloads, known, context.parties);
  const buckets = [...Map.groupBy(profiles.hosts.keys(), (host) => profiles.hosts[host]?.main ?? -1)].sort(
    ([a], [b]) => a - b,
  );
  const about = profiles.hosts.map(({ serves, name }) => ({ serves, hint: nameHint(name) }));
  let groupOf = Int32Array.from({ length: profiles.peers }, (_, peer) => fixed.get(peer) ?? peer);
  let coverage = COVERAGE_FIRST;
  let table: FeatureTable = featureTable(profiles, groupOf, coverage);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const threshold = round === 0 ? THRESHOLD_FIRST : THRESHOLD;
    const next = Int32Array.from(groupOf);
    for (const [main, hosts] of buckets) {
      for (const cluster of clusterHosts(
        hosts,
        about,
        table,
        threshold + (main === -1 ? THRESHOLD_UNKNOWN : 0),
      ))
        for (const host of cluster) next[host] = cluster[0] ?? host;
    }
    const isStable = next.every((group, peer) => group === groupOf[peer]);
    groupOf = next;
    if (isStable && round > 1) break;
    coverage = coverageOf(profiles, groupOf);
    table = featureTable(profiles, groupOf, coverage);
  }
  return groupsOf(profiles, groupOf, context);
}

/** Peers that people labelled are one peer per label group; numbers beyond all peers. */
function knownPeers(
  workloads: readonly string[],
  known: readonly Group[],
  parties: readonly Party[],
): ReadonlyMap<number, number> {
  const groups = new Map(
    known.flatMap((group, number) => group.members.map((member) => [member, number] as const)),
  );
  const own = new Set(workloads);
  const fixed = new Map<number, number>();
  let peer = workloads.length;
  for (const party of parties) {
    if (party.kind === "workload" && own.has(party.name)) continue;
    const group = party.kind === "workload" ? groups.get(party.name) : undefined;
    if (group !== undefined) fixed.set(peer, parties.length + workloads.length + group);
    peer += 1;
  }
  return fixed;
}

/** Share of pairs seen between groups of which two hosts at least show the relation. */
function coverageOf({ hosts }: Profiles, groupOf: Int32Array): number {
  const sizes = new Map<number, number>();
  for (const group of groupOf) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const blocks = new Map<string, { seen: number; readonly sources: Set<number>; possible: number }>();
  hosts.forEach(({ contacts }, host) => {
    const own = groupOf[host] ?? host;
    for (const { relation, peer } of contacts) {
      const group = groupOf[peer] ?? peer;
      const key = `${own} ${relation} ${group}`;
      const block = blocks.get(key) ?? {
        seen: 0,
        sources: new Set<number>(),
        possible: (sizes.get(own) ?? 1) * (sizes.get(group) ?? 1),
      };
      blocks.set(key, block);
      block.seen += 1;
      block.sources.add(host);
    }
  });
  let seen = 0;
  let possible = 0;
  for (const block of blocks.values()) {
    if (block.sources.size < 2 || block.possible < 4) continue;
    seen += block.seen;
    possible += block.possible;
  }
  return (seen + COVERAGE_FIRST * COVERAGE_WEIGHT) / (possible + COVERAGE_WEIGHT);
}

function groupsOf(profiles: Profiles, groupOf: Int32Array, context: RoleContext): readonly Group[] {
  const active = [...profiles.hosts.keys()].filter(
    (host) => (profiles.hosts[host]?.contacts.length ?? 0) > 0,
  );
  const byGroup = Map.groupBy(active, (host) => groupOf[host] ?? host);
  return [...byGroup.values()].map((hosts) => {
    const members = hosts.flatMap((host) => profiles.hosts[host]?.name ?? []);
    const program = context.software[profiles.hosts[hosts[0] ?? -1]?.main ?? -1]?.name;
    return {
      members: members.sort(),
      labels: null,
      ...(program === undefined ? {} : { program }),
      why: explainRole(
        hosts.flatMap((host) => profiles.hosts[host] ?? []),
        context,
      ),
    };
  });
}
