import { MultiDirectedGraph } from "graphology";
import Sigma from "sigma";
import { EdgeLineProgram, NodeCircleProgram, NodePointProgram } from "sigma/rendering";
import type { Outcome } from "../../api/types.ts";
import { type OverviewColors, overviewColors } from "./overview-colors.ts";
import { drawLabels, type Label } from "./overview-labels.ts";
import type { PlacedOverview } from "./use-overview-layout.ts";

const LABEL_LAYER = "ringwall-labels";
/** Labels are placed anew in every frame; beyond this many tries a frame would be late. */
const LABEL_CANDIDATES_MAX = 2_500;
/** Camera ratio (1 = everything in view) from which on segments stand for their workloads. */
const RATIO_FAR = 0.34;
/** In world units, of which neighbours are 10 apart. */
const SIZE = { node: 3.2, address: 4.2, edge: 0.35, worse: 0.6, clusterMin: 0.8, clusterMax: 6 } as const;
const LAYER: Record<Outcome, number> = { allowed: 0, "would-block": 1, blocked: 2 };

/**
 * `far`: drawn only where segments stand for their workloads; `near`: only where they don't; `lit`: only as part of a
 * selection, as the thousands of harmless lines to the internet, which would cover all others.
 */
type Depth = "far" | "near" | "both" | "lit";
type NodeData = {
  x: number;
  y: number;
  size: number;
  color: string;
  title: string;
  links: number;
  depth: Depth;
  zIndex: number;
  /** Programs draw in this order, discs below points. Points take one vertex where circles take three. */
  type: "disc" | "point";
};
type EdgeData = { color: string; size: number; zIndex: number; depth: Depth };

export type OverviewEvents = {
  readonly onSelect: (id: string | undefined) => void;
  readonly onCluster: (name: string) => void;
};

/** Sigma behind a few verbs; the only place that knows it. */
export class OverviewRenderer {
  readonly #sigma: Sigma<NodeData, EdgeData>;
  readonly #graph = new MultiDirectedGraph<NodeData, EdgeData>();
  #placed: PlacedOverview | null = null;
  #selected: string | undefined;
  #lit: ReadonlySet<string> | null = null;
  #hovered: string | null = null;
  #far = true;
  /** Thousands of lines that nobody sees from afar are made when somebody comes near. */
  #nearEdgesMade = false;
  #colors: OverviewColors = overviewColors();
  /** Nodes that may have a label, the busiest first. */
  #busiest: readonly string[] = [];

  constructor(container: HTMLElement, events: OverviewEvents) {
    const sigma = new Sigma<NodeData, EdgeData>(this.#graph, container, {
      renderLabels: false,
      zIndex: true,
      stagePadding: 36,
      itemSizesReference: "positions",
      zoomToSizeRatioFunction: (ratio) => ratio,
      minEdgeThickness: 0.7,
      defaultNodeType: "point",
      nodeProgramClasses: { disc: NodeCircleProgram, point: NodePointProgram },
      defaultEdgeType: "line",
      edgeProgramClasses: { line: EdgeLineProgram },
      defaultDrawNodeHover: () => undefined,
      allowInvalidContainer: true,
      nodeReducer: (id, data) => this.#reduceNode(id, data),
      edgeReducer: (id, data) => this.#reduceEdge(id, data),
    });
    this.#sigma = sigma;
    sigma.createCanvasContext(LABEL_LAYER, { style: { pointerEvents: "none" } });
    sigma.on("clickNode", ({ node }) => {
      if (isCluster(node)) events.onCluster(nameOfCluster(node));
      else events.onSelect(node);
    });
    sigma.on("clickStage", () => events.onSelect(undefined));
    sigma.on("enterNode", ({ node }) => this.#hover(node));
    sigma.on("leaveNode", () => this.#hover(null));
    sigma.getCamera().on("updated", ({ ratio }) => this.#setFar(ratio > RATIO_FAR));
    sigma.on("afterRender", () => {
      const canvas = sigma.getCanvases()[LABEL_LAYER];
      if (canvas !== undefined) drawLabels(canvas, sigma.getDimensions(), this.#labels());
      // For the benchmark and the tests: what was asked for is on the screen.
      if (this.#placed !== null) container.dataset["drawn"] = String(this.#placed.graph.nodes.length);
    });
  }

  show(placed: PlacedOverview): void {
    this.#placed = placed;
    this.#colors = overviewColors();
    this.#graph.clear();
    this.#nearEdgesMade = false;
    this.#addNodes(placed);
    this.#addClusterEdges(placed);
    this.#update();
  }

  /** `lit` = the cards that a selection is about; null = all. */
  highlight(selected: string | undefined, lit: ReadonlySet<string> | null): void {
    if (selected === this.#selected && lit === this.#lit) return;
    this.#selected = selected;
    this.#lit = lit;
    this.#update();
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

  #addNodes({ graph, layout }: PlacedOverview): void {
    const colors = this.#colors;
    for (const cluster of layout.clusters) {
      this.#graph.addNode(clusterId(cluster.name), {
        x: cluster.x,
        y: cluster.y,
        size: cluster.radius,
        color: colors.cluster,
        title: cluster.name,
        links: 0,
        depth: "far",
        zIndex: 0,
        type: "disc",
      });
    }
    graph.nodes.forEach((node, index) => {
      const isAddress = node.kind === "address";
      this.#graph.addNode(node.id, {
        x: layout.x[index] ?? 0,
        y: layout.y[index] ?? 0,
        size: isAddress ? SIZE.address : SIZE.node,
        color: isAddress ? colors.address : colors.workload,
        title: node.title,
        links: node.links,
        depth: "both",
        zIndex: 1,
        type: "point",
      });
    });
  }

  #addClusterEdges({ graph }: PlacedOverview): void {
    for (const { source, target, outcome, weight } of graph.clusterEdges) {
      this.#graph.addEdge(clusterId(source), clusterId(target), {
        color: this.#colors[outcome],
        size: Math.min(SIZE.clusterMax, SIZE.clusterMin * Math.sqrt(weight)),
        zIndex: LAYER[outcome],
        depth: "far",
      });
    }
  }

  #addNearEdges({ graph }: PlacedOverview): void {
    const addresses = new Set(graph.nodes.flatMap((node) => (node.kind === "address" ? node.id : [])));
    for (const { source, target, outcome } of graph.edges) {
      const harmless = outcome === "allowed" && (addresses.has(source) || addresses.has(target));
      this.#graph.addEdge(source, target, {
        color: this.#colors[outcome],
        size: outcome === "allowed" ? SIZE.edge : SIZE.worse,
        zIndex: LAYER[outcome],
        depth: harmless ? "lit" : "near",
      });
    }
    this.#nearEdgesMade = true;
  }

  #update(): void {
    if (this.#placed !== null && !this.#nearEdgesMade && this.#isDrawn("near"))
      this.#addNearEdges(this.#placed);
    this.#rank();
    this.#sigma.scheduleRefresh();
  }

  #setFar(far: boolean): void {
    if (far === this.#far) return;
    this.#far = far;
    this.#update();
  }

  #hover(node: string | null): void {
    this.#hovered = node;
    this.#sigma.scheduleRender();
  }

  /** Segments stand for their workloads only from afar, and never beside a selection. */
  #isDrawn(depth: Depth): boolean {
    if (depth === "both") return true;
    if (depth === "lit") return this.#lit !== null;
    return depth === (this.#far && this.#lit === null ? "far" : "near");
  }

  #reduceNode(id: string, data: NodeData): Partial<NodeData & { hidden: boolean }> {
    if (!this.#isDrawn(data.depth)) return { ...data, hidden: true };
    if (this.#lit === null) return data;
    if (id === this.#selected) return { ...data, size: data.size * 1.6, zIndex: 3 };
    return this.#lit.has(id) ? { ...data, zIndex: 2 } : { ...data, color: this.#colors.faded };
  }

  #reduceEdge(id: string, data: EdgeData): Partial<EdgeData & { hidden: boolean }> {
    if (!this.#isDrawn(data.depth)) return { ...data, hidden: true };
    if (this.#lit === null) return data;
    const ends = this.#graph.extremities(id);
    const selected = this.#selected;
    const own = selected === undefined || !this.#graph.hasNode(selected) || ends.includes(selected);
    return own && ends.every((end) => this.#lit?.has(end))
      ? { ...data, size: data.size * 2 }
      : { ...data, hidden: true };
  }

  #rank(): void {
    const links = (id: string): number => this.#graph.getNodeAttribute(id, "links");
    this.#busiest = this.#graph
      .filterNodes((id, data) => (this.#lit === null ? data.links > 0 : this.#lit.has(id)))
      .sort((left, right) => links(right) - links(left))
      .slice(0, LABEL_CANDIDATES_MAX);
  }

  /** The hovered and the selected node, the segments, then the busiest nodes; what would overlap is left out. */
  #labels(): readonly Label[] {
    const sigma = this.#sigma;
    const labels: Label[] = [];
    const add = (id: string, weight: Label["weight"]) => {
      const data = this.#graph.getNodeAttributes(id);
      const at = sigma.graphToViewport(data);
      labels.push({ ...at, text: data.title, weight, gap: sigma.scaleSize(data.size) + 3 });
    };
    for (const id of [this.#hovered, this.#selected]) {
      if (id != null && this.#graph.hasNode(id) && !isCluster(id)) add(id, "strong");
    }
    for (const { x, y, radius, name } of this.#placed?.layout.clusters ?? []) {
      labels.push({ ...sigma.graphToViewport({ x, y: y + radius }), text: name, weight: "cluster", gap: 0 });
    }
    if (!this.#far || this.#lit !== null) for (const id of this.#busiest) add(id, "plain");
    return labels;
  }
}

const CLUSTER_PREFIX = "cluster ";

/** No card is called like this: workload names have no spaces, and segment and address cards have prefixes of their own. */
function clusterId(name: string): string {
  return CLUSTER_PREFIX + name;
}

function isCluster(id: string): boolean {
  return id.startsWith(CLUSTER_PREFIX);
}

function nameOfCluster(id: string): string {
  return id.slice(CLUSTER_PREFIX.length);
}
