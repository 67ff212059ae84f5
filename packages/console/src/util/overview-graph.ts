import type { Outcome } from "../api/types.ts";
import type { MapModel } from "./map-model.ts";
import { OUTCOMES } from "./path-builder.ts";

export type OverviewNode = {
  readonly id: string;
  readonly title: string;
  readonly cluster: string;
  readonly kind: "workload" | "segment" | "address";
  readonly links: number;
};

/** One line; `weight` = how many links it stands for. */
export type OverviewEdge = {
  readonly source: string;
  readonly target: string;
  readonly outcome: Outcome;
  readonly weight: number;
};

export type OverviewGraph = {
  readonly nodes: readonly OverviewNode[];
  /** Between nodes: one for each pair, with the worst outcome there. */
  readonly edges: readonly OverviewEdge[];
  /** Between clusters, by name: one for each pair and outcome. */
  readonly clusterEdges: readonly OverviewEdge[];
};

export const ADDRESSES_CLUSTER = "addresses";
export const NO_SEGMENT_CLUSTER = "no segment";

/** Cards as points and links as lines; software is folded into its card. */
export function overviewGraphOf(model: MapModel): OverviewGraph {
  const clusters = new Map<string, string>();
  for (const card of model.cards.values()) {
    const segment = card.segments[0] ?? NO_SEGMENT_CLUSTER;
    clusters.set(card.id, card.kind === "address" ? ADDRESSES_CLUSTER : segment);
  }
  const edges = new Map<string, OverviewEdge>();
  const clusterEdges = new Map<string, OverviewEdge>();
  const links = new Map<string, number>();
  for (const { source: from, target: to, outcome } of model.links) {
    const source = model.rows.get(from)?.card;
    const target = model.rows.get(to)?.card;
    if (source === undefined || target === undefined || source === target) continue;
    const isNew = addEdge(edges, `${source}\n${target}`, { source, target, outcome, weight: 1 });
    const [sourceCluster, targetCluster] = [clusters.get(source) ?? "", clusters.get(target) ?? ""];
    if (sourceCluster !== targetCluster) {
      const edge = { source: sourceCluster, target: targetCluster, outcome, weight: 1 };
      addEdge(clusterEdges, `${sourceCluster}\n${targetCluster}\n${outcome}`, edge);
    }
    if (!isNew) continue;
    links.set(source, (links.get(source) ?? 0) + 1);
    links.set(target, (links.get(target) ?? 0) + 1);
  }
  const nodes = [...model.cards.values()].map(({ id, title, kind }) => ({
    id,
    title,
    kind,
    cluster: clusters.get(id) ?? "",
    links: links.get(id) ?? 0,
  }));
  return { nodes, edges: [...edges.values()], clusterEdges: [...clusterEdges.values()] };
}

/** Whether it is the first of its key; else it makes the known one heavier, and worse where it is worse. */
function addEdge(edges: Map<string, OverviewEdge>, key: string, edge: OverviewEdge): boolean {
  const known = edges.get(key);
  const worst =
    known !== undefined && OUTCOMES.indexOf(known.outcome) > OUTCOMES.indexOf(edge.outcome)
      ? known.outcome
      : edge.outcome;
  edges.set(key, { ...edge, outcome: worst, weight: (known?.weight ?? 0) + edge.weight });
  return known === undefined;
}
