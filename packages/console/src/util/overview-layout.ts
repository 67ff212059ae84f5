import type { Point } from "./diagram-types.ts";

/** Golden angle: points of a spiral at this step fill a disc evenly (Vogel 1979). */
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));
/** Distance between neighbours in a cluster, and free space between clusters, in world units. */
const SPACING = 10;
const CLUSTER_GAP = 24;
/** Wider than high, like the screens it is shown on. */
const STRETCH = 1.6;

export type OverviewInput = {
  /** `links` = how many edges the node has: the busiest stand in the middle of their cluster. */
  readonly nodes: readonly { readonly id: string; readonly cluster: string; readonly links: number }[];
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

/** Clusters as discs, packed from the middle outwards, the largest first. Linear in the nodes, quadratic in the clusters. */
export function layOutOverview(input: OverviewInput): OverviewLayout {
  const members = new Map<string, number[]>();
  input.nodes.forEach((node, index) => {
    const list = members.get(node.cluster);
    if (list === undefined) members.set(node.cluster, [index]);
    else list.push(index);
  });
  const ordered = [...members].sort(
    ([leftName, left], [rightName, right]) => right.length - left.length || (leftName < rightName ? -1 : 1),
  );
  const x = new Float32Array(input.nodes.length);
  const y = new Float32Array(input.nodes.length);
  const clusters: OverviewCluster[] = [];
  let searchFrom = 0;
  for (const [name, indexes] of ordered) {
    const radius = SPACING * Math.sqrt(indexes.length) + SPACING / 2;
    const centre = freePlace(clusters, radius, searchFrom);
    // The next one is no larger, so it finds its place about there, or in a gap a little further in.
    searchFrom = Math.max(0, Math.hypot(centre.x / STRETCH, centre.y) - 3 * radius);
    clusters.push({ name, radius, size: indexes.length, ...centre });
    indexes.sort((left, right) => (input.nodes[right]?.links ?? 0) - (input.nodes[left]?.links ?? 0));
    indexes.forEach((node, rank) => {
      const distance = SPACING * Math.sqrt(rank + 0.5);
      x[node] = centre.x + distance * Math.cos(rank * GOLDEN_ANGLE);
      y[node] = centre.y + distance * Math.sin(rank * GOLDEN_ANGLE);
    });
  }
  return { x, y, clusters };
}

/** The place nearest to the middle, along a spiral from `searchFrom` on, where a disc of this radius touches no other. */
function freePlace(clusters: readonly OverviewCluster[], radius: number, searchFrom: number): Point {
  const stride = radius / 2;
  for (let step = Math.floor((searchFrom / stride) ** 2); ; step += 1) {
    const distance = stride * Math.sqrt(step);
    const angle = step * GOLDEN_ANGLE;
    const place = { x: STRETCH * distance * Math.cos(angle), y: distance * Math.sin(angle) };
    const free = clusters.every(
      (other) => Math.hypot(other.x - place.x, other.y - place.y) >= other.radius + radius + CLUSTER_GAP,
    );
    if (free) return place;
  }
}
