import type { Point } from "./diagram-types.ts";

/** Golden angle: points of a spiral at this step fill a disc evenly (Vogel 1979). */
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));
/** Distance between neighbours in a cluster, and free space between clusters, in world units. */
const SPACING = 10;
const CLUSTER_GAP = 26;
/** Wider than high, like the screens it is shown on. */
const STRETCH = 1.6;
/** Above this many clusters they are packed by size alone: looking for the best neighbourhood would take seconds. */
const CLUSTERS_PULLED_MAX = 400;

export type OverviewInput = {
  /** `links` = how many edges the node has: the busiest stand in the middle of their cluster. */
  readonly nodes: readonly { readonly id: string; readonly cluster: string; readonly links: number }[];
  readonly clusterEdges: readonly {
    readonly source: string;
    readonly target: string;
    readonly weight: number;
  }[];
};

export type OverviewCluster = Point & {
  readonly name: string;
  readonly radius: number;
  readonly size: number;
};

export type OverviewLayout = {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly clusters: readonly OverviewCluster[];
};

/** Clusters as discs, packed from the middle outwards, each near those it talks to. The same input gives the same picture. */
export function layOutOverview(input: OverviewInput): OverviewLayout {
  const members = new Map<string, number[]>();
  input.nodes.forEach((node, index) => {
    const list = members.get(node.cluster);
    if (list === undefined) members.set(node.cluster, [index]);
    else list.push(index);
  });
  const clusters = packClusters(members, input);
  const x = new Float32Array(input.nodes.length);
  const y = new Float32Array(input.nodes.length);
  for (const cluster of clusters) {
    const indexes = members.get(cluster.name) ?? [];
    indexes.sort((left, right) => (input.nodes[right]?.links ?? 0) - (input.nodes[left]?.links ?? 0));
    indexes.forEach((node, rank) => {
      const distance = SPACING * Math.sqrt(rank + 0.5);
      x[node] = cluster.x + distance * Math.cos(rank * GOLDEN_ANGLE);
      y[node] = cluster.y + distance * Math.sin(rank * GOLDEN_ANGLE);
    });
  }
  return { x, y, clusters };
}

function packClusters(
  members: ReadonlyMap<string, readonly number[]>,
  input: OverviewInput,
): OverviewCluster[] {
  const bySize = [...members.keys()].sort(
    (left, right) =>
      (members.get(right)?.length ?? 0) - (members.get(left)?.length ?? 0) || (left < right ? -1 : 1),
  );
  const pulled = bySize.length <= CLUSTERS_PULLED_MAX;
  const weights = pulled ? weightsOf(input) : new Map<string, ReadonlyMap<string, number>>();
  const order = pulled ? orderByWeight(bySize, weights) : bySize;
  const placed: OverviewCluster[] = [];
  let searchFrom = 0;
  for (const name of order) {
    const size = members.get(name)?.length ?? 0;
    const radius = SPACING * Math.sqrt(size) + SPACING / 2;
    const around = centreOfNeighbours(weights.get(name), placed);
    const at = freePlace(placed, radius, around, searchFrom);
    // By size, the next one finds its place about there, or in a gap a little further in.
    if (!pulled) searchFrom = Math.max(0, Math.hypot(at.x / STRETCH, at.y) - 3 * radius);
    placed.push({ name, radius, size, ...at });
  }
  return placed;
}

type Weights = ReadonlyMap<string, ReadonlyMap<string, number>>;

function weightsOf(input: OverviewInput): Weights {
  const weights = new Map<string, Map<string, number>>();
  const add = (from: string, to: string, weight: number) => {
    const row = weights.get(from) ?? new Map<string, number>();
    row.set(to, (row.get(to) ?? 0) + weight);
    weights.set(from, row);
  };
  for (const { source, target, weight } of input.clusterEdges) {
    add(source, target, weight);
    add(target, source, weight);
  }
  return weights;
}

/** After the largest, always the one that talks most to those already chosen, as a share of all its talk. */
function orderByWeight(bySize: readonly string[], weights: Weights): readonly string[] {
  const left = new Set(bySize);
  const totals = new Map(
    bySize.map((name) => [name, [...(weights.get(name)?.values() ?? [])].reduce((sum, one) => sum + one, 0)]),
  );
  const joined = new Map<string, number>();
  const order: string[] = [];
  while (left.size > 0) {
    let best = "";
    let bestShare = -1;
    for (const name of left) {
      const share = (joined.get(name) ?? 0) / Math.max(1, totals.get(name) ?? 1);
      if (share > bestShare) {
        best = name;
        bestShare = share;
      }
    }
    left.delete(best);
    order.push(best);
    for (const [other, weight] of weights.get(best) ?? [])
      joined.set(other, (joined.get(other) ?? 0) + weight);
  }
  return order;
}

function centreOfNeighbours(
  weights: ReadonlyMap<string, number> | undefined,
  placed: readonly OverviewCluster[],
): Point {
  let [x, y, sum] = [0, 0, 0];
  for (const cluster of placed) {
    const weight = weights?.get(cluster.name) ?? 0;
    x += cluster.x * weight;
    y += cluster.y * weight;
    sum += weight;
  }
  return sum === 0 ? { x: 0, y: 0 } : { x: x / sum, y: y / sum };
}

/** The place nearest to a point, along a spiral from `searchFrom` on, where a disc of this radius touches no other. */
function freePlace(
  placed: readonly OverviewCluster[],
  radius: number,
  around: Point,
  searchFrom: number,
): Point {
  for (let step = Math.floor((searchFrom / radius) ** 2); ; step += 1) {
    const distance = radius * Math.sqrt(step);
    const angle = step * GOLDEN_ANGLE;
    const x = around.x + STRETCH * distance * Math.cos(angle);
    const y = around.y + distance * Math.sin(angle);
    const free = placed.every((other) => {
      const apart = other.radius + radius + CLUSTER_GAP;
      return (other.x - x) ** 2 + (other.y - y) ** 2 >= apart ** 2;
    });
    if (free) return { x, y };
  }
}
