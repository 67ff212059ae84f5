import { isDefaultPort } from "../../knowledge/ports.ts";
import type { FeatureTable } from "./features.ts";
import { Heap } from "./heap.ts";
import { evidenceOfSameRole, type Tally } from "./likelihood.ts";
import { hintPrior } from "./name-hint.ts";

/** What of a host no neighbour changes. */
export type About = { readonly serves: ReadonlySet<number>; readonly hint: ReadonlySet<string> };

/** A group of hosts that grows by merging. */
type Cluster = {
  readonly id: number;
  readonly hosts: number[];
  readonly tallies: Map<number, Tally>;
  readonly serves: Set<number>;
  /** Words of the hosts' names that say what they are for. */
  readonly hint: ReadonlySet<string>;
  alive: boolean;
};

/** Up to so many hosts of one software every pair is weighed; beyond, only those that share an uncommon peer. */
const ALL_PAIRS_MAX = 250;
const NEIGHBOURS_MAX = 24;
/** A peer group that more hosts of the software share than this tells too little to propose a pair. */
const SHARED_BY_MAX = 200;
/** Replicas that services commonly have, and how much the prior may say at most, natural logarithm. */
const REPLICAS_TYPICAL = 4;
const PRIOR_MAX = 2;
const PRIOR_CHOSEN_PORT = 4;
const NOTHING: Tally = { strong: 0, weak: 0 };

/**
 * Merges hosts of the same main software, best pair first, while being one role explains their contacts better than
 * being two by more than `threshold` (natural logarithm). Hosts that serve different ports stay apart.
 */
export function clusterHosts(
  hosts: readonly number[],
  about: readonly About[],
  table: FeatureTable,
  threshold: number,
): readonly (readonly number[])[] {
  const clusters: Cluster[] = hosts.map((host, id) => ({
    id,
    hosts: [host],
    tallies: new Map([...(table.tallies[host] ?? [])].map(([number, tally]) => [number, { ...tally }])),
    serves: new Set(about[host]?.serves),
    hint: about[host]?.hint ?? new Set(),
    alive: true,
  }));
  const queue = new Heap<Cluster>();
  const neighbours = candidatePairs(clusters, table);
  for (const [id, others] of neighbours) {
    for (const other of others)
      if (other > id) propose(queue, clusters[id], clusters[other], table, threshold);
  }
  for (let best = queue.pop(); best !== undefined; best = queue.pop()) {
    if (!best.a.alive || !best.b.alive) continue;
    const merged = merge(best.a, best.b, clusters.length);
    clusters.push(merged);
    const around = new Set([...(neighbours.get(best.a.id) ?? []), ...(neighbours.get(best.b.id) ?? [])]);
    around.delete(best.a.id);
    around.delete(best.b.id);
    neighbours.set(merged.id, around);
    for (const other of around) {
      neighbours.get(other)?.add(merged.id);
      propose(queue, merged, clusters[other], table, threshold);
    }
  }
  return clusters.filter((cluster) => cluster.alive).map((cluster) => cluster.hosts.sort((x, y) => x - y));
}

function merge(a: Cluster, b: Cluster, id: number): Cluster {
  a.alive = false;
  b.alive = false;
  const [large, small] = a.tallies.size >= b.tallies.size ? [a, b] : [b, a];
  for (const [number, { strong, weak }] of small.tallies) {
    const tally = large.tallies.get(number);
    if (tally === undefined) large.tallies.set(number, { strong, weak });
    else {
      tally.strong += strong;
      tally.weak += weak;
    }
  }
  return {
    id,
    hosts: [...a.hosts, ...b.hosts],
    tallies: large.tallies,
    serves: a.serves.union(b.serves),
    // What all names have in common is what the role is called.
    hint: a.hint.isDisjointFrom(b.hint) ? a.hint.union(b.hint) : a.hint.intersection(b.hint),
    alive: true,
  };
}

function propose(
  queue: Heap<Cluster>,
  a: Cluster | undefined,
  b: Cluster | undefined,
  table: FeatureTable,
  threshold: number,
): void {
  if (a === undefined || b === undefined || !a.alive || !b.alive) return;
  if (a.serves.size > 0 && b.serves.size > 0 && a.serves.isDisjointFrom(b.serves)) return;
  const score = scoreOf(a, b, table) + priorOf(a, b, table) + hintPrior(a.hint, b.hint);
  if (score > threshold) queue.push({ score, a, b });
}

/**
 * Before any neighbour is compared: a port that somebody chose for a service marks its replicas. On a port that the
 * product brings along, few hosts are mostly replicas and many are mostly different services.
 */
function priorOf(a: Cluster, b: Cluster, { servers }: FeatureTable): number {
  let prior = 0;
  for (const port of a.serves)
    if (b.serves.has(port)) prior = Math.max(prior, priorOfPort(port, servers.get(port) ?? 2));
  if (prior > 0 || a.serves.isDisjointFrom(b.serves)) return prior;
  const [shared] = a.serves.intersection(b.serves);
  return shared === undefined ? 0 : priorOfPort(shared, servers.get(shared) ?? 2);
}

function priorOfPort(id: number, hosts: number): number {
  if (!isDefaultPort(Math.floor(id / 4))) return PRIOR_CHOSEN_PORT;
  const odds = (REPLICAS_TYPICAL - 1) / Math.max(0.1, hosts - REPLICAS_TYPICAL);
  return Math.max(-PRIOR_MAX, Math.min(PRIOR_MAX, Math.log(odds)));
}

function scoreOf(a: Cluster, b: Cluster, { features }: FeatureTable): number {
  let score = 0;
  for (const [number, tally] of a.tallies) {
    const feature = features[number];
    if (feature !== undefined)
      score += evidenceOfSameRole(
        tally,
        a.hosts.length,
        b.tallies.get(number) ?? NOTHING,
        b.hosts.length,
        feature,
      );
  }
  for (const [number, tally] of b.tallies) {
    const feature = features[number];
    if (feature !== undefined && !a.tallies.has(number))
      score += evidenceOfSameRole(NOTHING, a.hosts.length, tally, b.hosts.length, feature);
  }
  return score;
}

function candidatePairs(clusters: readonly Cluster[], { features }: FeatureTable): Map<number, Set<number>> {
  const pairs = new Map<number, Set<number>>(clusters.map(({ id }) => [id, new Set<number>()]));
  if (clusters.length <= ALL_PAIRS_MAX) {
    for (const { id } of clusters)
      for (const other of clusters) if (other.id !== id) pairs.get(id)?.add(other.id);
    return pairs;
  }
  const holders = new Map<number, number[]>();
  for (const { id, tallies } of clusters) {
    for (const number of tallies.keys()) {
      const list = holders.get(number);
      if (list === undefined) holders.set(number, [id]);
      else list.push(id);
    }
  }
  for (const { id, tallies } of clusters) {
    const shared = new Map<number, number>();
    for (const number of tallies.keys()) {
      const list = holders.get(number) ?? [];
      if (list.length > SHARED_BY_MAX) continue;
      const weight = -Math.log(features[number]?.popularity ?? 1);
      for (const other of list) if (other !== id) shared.set(other, (shared.get(other) ?? 0) + weight);
    }
    const nearest = [...shared].sort(([a, x], [b, y]) => y - x || a - b).slice(0, NEIGHBOURS_MAX);
    for (const [other] of nearest) {
      pairs.get(id)?.add(other);
      pairs.get(other)?.add(id);
    }
  }
  return pairs;
}
