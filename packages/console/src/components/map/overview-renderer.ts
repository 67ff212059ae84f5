import { DirectedGraph } from "graphology";
import Sigma from "sigma";
import { EdgeLineProgram } from "sigma/rendering";
import type { Outcome } from "../../api/types.ts";
import { drawLabels, type Label } from "./overview-labels.ts";
import type { PlacedOverview } from "./use-overview-layout.ts";

const LABEL_LAYER = "ringwall-labels";
/** Labels are placed anew in every frame; beyond this many tries a frame would be late. */
const LABEL_CANDIDATES_MAX = 2_500;
const SIZE = { min: 2.2, perRoot: 0.45, max: 9 } as const;
const LAYER: Record<Outcome, number> = { allowed: 0, "would-block": 1, blocked: 2 };

type NodeData = {
  x: number;
  y: number;
  size: number;
  color: string;
  title: string;
  links: number;
};
type EdgeData = { color: string; size: number; zIndex: number };

/** Sigma behind three verbs; the only place that knows it. */
export class OverviewRenderer {
  readonly #sigma: Sigma<NodeData, EdgeData>;
  readonly #graph = new DirectedGraph<NodeData, EdgeData>();
  #placed: PlacedOverview | null = null;
  #selected: string | undefined;
  #lit: ReadonlySet<string> | null = null;
  #hovered: string | null = null;
  /** Nodes that may have a label, the busiest first. */
  #busiest: readonly string[] = [];

  constructor(container: HTMLElement, onSelect: (id: string | undefined) => void) {
    this.#sigma = new Sigma<NodeData, EdgeData>(this.#graph, container, {
      renderLabels: false,
      zIndex: true,
      hideEdgesOnMove: false,
      stagePadding: 40,
      minEdgeThickness: 0.6,
      defaultEdgeType: "line",
      edgeProgramClasses: { line: EdgeLineProgram },
      defaultDrawNodeHover: () => undefined,
      allowInvalidContainer: true,
      nodeReducer: (id, data) => this.#reduceNode(id, data),
      edgeReducer: (id, data) => this.#reduceEdge(id, data),
    });
    const labels = this.#sigma.createCanvasContext(LABEL_LAYER, { style: { pointerEvents: "none" } });
    this.#sigma.on("clickNode", ({ node }) => onSelect(node));
    this.#sigma.on("clickStage", () => onSelect(undefined));
    this.#sigma.on("enterNode", ({ node }) => this.#hover(node));
    this.#sigma.on("leaveNode", () => this.#hover(null));
    this.#sigma.on("afterRender", () => {
      const canvas = labels.getCanvases()[LABEL_LAYER];
      if (canvas !== undefined) drawLabels(canvas, this.#sigma.getDimensions(), this.#labels());
      // For benchmarks and tests: what was asked for is on the screen.
      if (this.#placed !== null) container.dataset["drawn"] = String(this.#graph.order);
    });
    labels.resize();
  }

  show(placed: PlacedOverview): void {
    this.#placed = placed;
    const { graph, layout } = placed;
    const colors = themeColors();
    this.#graph.clear();
    graph.nodes.forEach((node, index) => {
      this.#graph.addNode(node.id, {
        x: layout.x[index] ?? 0,
        y: layout.y[index] ?? 0,
        size: Math.min(SIZE.max, SIZE.min + Math.sqrt(node.links) * SIZE.perRoot),
        color: node.kind === "address" ? colors.address : colors.workload,
        title: node.title,
        links: node.links,
      });
    });
    for (const edge of graph.edges) {
      const { outcome } = edge;
      this.#graph.addEdge(edge.source, edge.target, {
        color: colors[outcome],
        size: outcome === "allowed" ? 0.6 : 1.4,
        zIndex: LAYER[outcome],
      });
    }
    this.#rank();
    this.#sigma.refresh();
  }

  /** `lit` = the cards that a selection is about; null = all. */
  highlight(selected: string | undefined, lit: ReadonlySet<string> | null): void {
    this.#selected = selected;
    this.#lit = lit;
    this.#rank();
    this.#sigma.refresh();
  }

  zoom(factor: number): void {
    const camera = this.#sigma.getCamera();
    void camera.animate({ ratio: camera.ratio / factor }, { duration: 120 });
  }

  fit(): void {
    void this.#sigma.getCamera().animatedReset({ duration: 200 });
  }

  close(): void {
    this.#sigma.kill();
  }

  #hover(node: string | null): void {
    this.#hovered = node;
    this.#sigma.scheduleRender();
  }

  #reduceNode(id: string, data: NodeData): Partial<NodeData & { zIndex: number }> {
    if (this.#lit === null) return data;
    if (id === this.#selected) return { ...data, size: data.size + 3, zIndex: 2 };
    return this.#lit.has(id) ? { ...data, zIndex: 1 } : { ...data, color: themeColors().faded };
  }

  #reduceEdge(id: string, data: EdgeData): Partial<EdgeData & { hidden: boolean }> {
    if (this.#lit === null) return data;
    const ends = this.#graph.extremities(id);
    const selected = this.#selected;
    const own = selected !== undefined && this.#graph.hasNode(selected) ? ends.includes(selected) : true;
    return own && ends.every((end) => this.#lit?.has(end)) ? { ...data, size: 2 } : { ...data, hidden: true };
  }

  /** The selected and the hovered node, the segments, then the busiest nodes; what would overlap is left out. */
  #labels(): readonly Label[] {
    const sigma = this.#sigma;
    const labels: Label[] = [];
    const add = (id: string, weight: Label["weight"]) => {
      const data = this.#graph.getNodeAttributes(id);
      const at = sigma.graphToViewport({ x: data.x, y: data.y });
      labels.push({ ...at, text: data.title, weight, gap: data.size + 3 });
    };
    for (const id of [this.#hovered, this.#selected]) {
      if (id != null && this.#graph.hasNode(id)) add(id, "strong");
    }
    for (const cluster of this.#placed?.layout.clusters ?? []) {
      const at = sigma.graphToViewport({ x: cluster.x, y: cluster.y + cluster.radius });
      labels.push({ ...at, text: cluster.name, weight: "cluster", gap: 0 });
    }
    for (const id of this.#busiest) add(id, "plain");
    return labels;
  }

  #rank(): void {
    const links = (id: string): number => this.#graph.getNodeAttribute(id, "links");
    this.#busiest = this.#graph
      .filterNodes((id, data) => (this.#lit === null ? data.links > 0 : this.#lit.has(id)))
      .sort((left, right) => links(right) - links(left))
      .slice(0, LABEL_CANDIDATES_MAX);
  }
}

function themeColors() {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    allowed: `${read("--rw-allowed")}55`,
    "would-block": read("--rw-would-block"),
    blocked: read("--rw-blocked"),
    workload: read("--rw-accent"),
    address: read("--rw-muted"),
    faded: read("--rw-line"),
  } as const;
}
