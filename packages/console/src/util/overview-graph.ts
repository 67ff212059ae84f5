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

/** One line between two cards: its outcome is the worst of what runs there. */
export type OverviewEdge = { readonly source: string; readonly target: string; readonly outcome: Outcome };

export type OverviewGraph = {
  readonly nodes: readonly OverviewNode[];
  readonly edges: readonly OverviewEdge[];
};

/** Cards as points and links as lines; software is folded into its card. */
export function overviewGraphOf(model: MapModel): OverviewGraph {
  const edges = new Map<string, OverviewEdge>();
  const links = new Map<string, number>();
  for (const { source: from, target: to, outcome } of model.links) {
    const source = model.rows.get(from)?.card;
    const target = model.rows.get(to)?.card;
    if (source === undefined || target === undefined || source === target) continue;
    const key = `${source}\n${target}`;
    const known = edges.get(key);
    if (known === undefined || OUTCOMES.indexOf(outcome) > OUTCOMES.indexOf(known.outcome)) {
      edges.set(key, { source, target, outcome });
    }
    if (known !== undefined) continue;
    links.set(source, (links.get(source) ?? 0) + 1);
    links.set(target, (links.get(target) ?? 0) + 1);
  }
  const nodes = [...model.cards.values()].map((card) => ({
    id: card.id,
    title: card.title,
    kind: card.kind,
    cluster: card.kind === "address" ? "addresses" : (card.segments[0] ?? "no segment"),
    links: links.get(card.id) ?? 0,
  }));
  return { nodes, edges: [...edges.values()] };
}
