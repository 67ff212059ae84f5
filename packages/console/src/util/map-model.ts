import type { MapEdge, MapNode, MapView, Outcome } from "../api/types.ts";
import { formatPort } from "./format.ts";
import type { Grouping } from "./path-builder.ts";

/** A box of the map: a workload, a segment's workloads together, or an address seen from one side. */
export type Card = {
  readonly id: string;
  readonly kind: "workload" | "segment" | "address";
  readonly title: string;
  /** What stands small beside the title: the segment, the number of workloads, the direction. */
  readonly note: string;
  readonly segments: readonly string[];
  readonly workloads: number;
  readonly rows: readonly Row[];
};

/** One program of a card; `software` null = not known, or nothing that could be known (an unmanaged address). */
export type Row = {
  readonly id: string;
  readonly card: string;
  readonly software: string | null;
  /** What it is called at, `tcp/5432`, most used first. */
  readonly ports: readonly string[];
};

/** All edges of one outcome between two rows. */
export type Link = {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly outcome: Outcome;
  readonly edges: readonly MapEdge[];
  readonly count: number;
};

export type MapModel = {
  readonly cards: ReadonlyMap<string, Card>;
  readonly rows: ReadonlyMap<string, Row>;
  readonly links: readonly Link[];
  /** Edges that passed the filter. */
  readonly edges: readonly MapEdge[];
  /** Edges before the filter. */
  readonly edgesTotal: number;
};

export type MapFilter = {
  readonly outcomes: readonly Outcome[];
  readonly segment: string | undefined;
  readonly search: string;
};

/** The picture's parts, from the controller's nodes and edges; the same input gives the same order. */
export function buildMapModel(view: MapView, grouping: Grouping, filter: MapFilter): MapModel {
  const nodes = new Map(view.nodes.map((node) => [node.id, node]));
  const edges = view.edges.filter((edge) => matches(edge, nodes, filter));
  const parts = new Parts(nodes, grouping);
  for (const edge of edges) parts.addEdge(edge);
  if (isUnfiltered(filter)) {
    // A workload nobody talked to is still there, and looking for it should not end in doubt.
    for (const node of view.nodes) if (node.kind === "workload") parts.cardOf(node, "source");
  }
  return { ...parts.finish(), edges, edgesTotal: view.edges.length };
}

export function isUnfiltered(filter: MapFilter): boolean {
  return filter.segment === undefined && filter.search === "" && filter.outcomes.length === 3;
}

function matches(edge: MapEdge, nodes: ReadonlyMap<string, MapNode>, filter: MapFilter): boolean {
  if (!filter.outcomes.includes(edge.outcome)) return false;
  const ends = [nodes.get(edge.source), nodes.get(edge.destination)];
  const { segment } = filter;
  if (segment !== undefined && !ends.some((node) => node?.segments.includes(segment))) return false;
  if (filter.search === "") return true;
  const wanted = filter.search.toLowerCase();
  return [
    edge.source,
    edge.destination,
    edge.sourceSoftware,
    edge.destinationSoftware,
    edge.rule,
    formatPort(edge.proto, edge.port),
  ].some((text) => text?.toLowerCase().includes(wanted));
}

type CardParts = Omit<Card, "rows" | "workloads" | "note"> & {
  readonly side: "source" | "destination";
  readonly members: Set<string>;
  readonly rowIds: Set<string>;
};
type RowParts = {
  readonly card: string;
  readonly software: string | null;
  readonly ports: Map<string, number>;
};
type LinkParts = Omit<Link, "count" | "edges"> & { readonly edges: MapEdge[] };

/** Collects cards, rows and links while the edges go by. */
class Parts {
  readonly #nodes: ReadonlyMap<string, MapNode>;
  readonly #grouping: Grouping;
  readonly #cards = new Map<string, CardParts>();
  readonly #rows = new Map<string, RowParts>();
  readonly #links = new Map<string, LinkParts>();

  constructor(nodes: ReadonlyMap<string, MapNode>, grouping: Grouping) {
    this.#nodes = nodes;
    this.#grouping = grouping;
  }

  addEdge(edge: MapEdge): void {
    const source = this.#rowOf(edge.source, edge.sourceSoftware, "source");
    const target = this.#rowOf(edge.destination, edge.destinationSoftware, "destination");
    const port = formatPort(edge.proto, edge.port);
    const { ports } = this.#row(target);
    ports.set(port, (ports.get(port) ?? 0) + edge.count);
    const id = `${source} → ${target} ${edge.outcome}`;
    const link = this.#links.get(id);
    if (link === undefined) this.#links.set(id, { id, source, target, outcome: edge.outcome, edges: [edge] });
    else link.edges.push(edge);
  }

  cardOf(node: MapNode, side: "source" | "destination"): CardParts {
    const identity = cardIdentity(node, side, this.#grouping);
    const known = this.#cards.get(identity.id);
    const card: CardParts = known ?? {
      ...identity,
      side,
      segments: node.segments,
      members: new Set(),
      rowIds: new Set(),
    };
    card.members.add(node.id);
    if (known === undefined) this.#cards.set(identity.id, card);
    return card;
  }

  finish(): Pick<MapModel, "cards" | "rows" | "links"> {
    const rows = new Map<string, Row>();
    for (const [id, row] of this.#rows) {
      const ports = [...row.ports].sort((left, right) => right[1] - left[1]).map(([port]) => port);
      rows.set(id, { id, card: row.card, software: row.software, ports });
    }
    const cards = new Map<string, Card>();
    for (const card of [...this.#cards.values()].sort((left, right) => compare(left.id, right.id))) {
      const own = [...card.rowIds].sort(compare).flatMap((id) => rows.get(id) ?? []);
      const { id, kind, title, segments } = card;
      cards.set(id, {
        id,
        kind,
        title,
        segments,
        note: noteOf(card),
        workloads: card.members.size,
        rows: own,
      });
    }
    const links = [...this.#links.values()]
      .sort((left, right) => compare(left.id, right.id))
      .map((link) => ({ ...link, count: link.edges.reduce((sum, edge) => sum + edge.count, 0) }));
    return { cards, rows, links };
  }

  #rowOf(nodeId: string, software: string | null, side: "source" | "destination"): string {
    const node = this.#nodes.get(nodeId) ?? { id: nodeId, kind: "address", segments: [], software: [] };
    const card = this.cardOf(node, side);
    const id = `${card.id}|${software ?? ""}`;
    if (!this.#rows.has(id)) {
      this.#rows.set(id, { card: card.id, software, ports: new Map() });
      card.rowIds.add(id);
    }
    return id;
  }

  #row(id: string): RowParts {
    const row = this.#rows.get(id);
    if (row === undefined) throw new Error(`bug: no row ${id}`);
    return row;
  }
}

/** Addresses stand twice: those that call us on one side of the picture, those that we call on the other. */
function cardIdentity(
  node: MapNode,
  side: "source" | "destination",
  grouping: Grouping,
): Pick<Card, "id" | "kind" | "title"> {
  if (node.kind === "address") {
    return { id: `${side === "source" ? "from" : "to"}:${node.id}`, kind: "address", title: node.id };
  }
  if (grouping === "workload") return { id: node.id, kind: "workload", title: node.id };
  const title = node.segments.length === 0 ? "no segment" : node.segments.join(" + ");
  return { id: `segment:${title}`, kind: "segment", title };
}

function noteOf(card: CardParts): string {
  if (card.kind === "address") return card.side === "source" ? "calls in" : "called";
  if (card.kind === "workload") return card.segments.join(", ");
  return card.members.size === 1 ? "1 workload" : `${card.members.size} workloads`;
}

/** By code unit, so that the order never depends on the reader's language. */
function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
