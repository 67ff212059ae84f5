import { describe, expect, it } from "vitest";
import type { MapEdge, MapView } from "../api/types.ts";
import { highlightOf } from "./map-highlight.ts";
import { buildMapModel, type MapFilter } from "./map-model.ts";
import { overviewGraphOf } from "./overview-graph.ts";
import { OUTCOMES } from "./path-builder.ts";

const ALL: MapFilter = { outcomes: OUTCOMES, segment: undefined, search: "" };

function edge(source: string, destination: string, more: Partial<MapEdge> = {}): MapEdge {
  return {
    source,
    sourceSoftware: "client",
    destination,
    destinationSoftware: "server",
    proto: "tcp",
    port: 80,
    count: 1,
    bytesOut: 1,
    bytesIn: 1,
    outcome: "allowed",
    verification: "attested",
    rule: "web/rule",
    lastSeen: "2026-11-20T10:00:00Z",
    ...more,
  };
}

function view(edges: readonly MapEdge[]): MapView {
  const node = (id: string, segments: string[]) => ({
    id,
    kind: "workload" as const,
    segments,
    software: [],
  });
  return {
    nodes: [
      node("web-1", ["web"]),
      node("web-2", ["web"]),
      node("db-1", ["db"]),
      node("idle", []),
      { id: "internet", kind: "address", segments: [], software: [] },
    ],
    edges: [...edges],
  };
}

describe("the map's model", () => {
  it("merges the ports of one outcome between the same programs and keeps outcomes apart", () => {
    const edges = [
      edge("web-1", "db-1", { port: 5432, count: 3 }),
      edge("web-1", "db-1", { port: 5433, count: 2 }),
      edge("web-1", "db-1", { port: 22, outcome: "blocked" }),
    ];
    const model = buildMapModel(view(edges), "workload", ALL);
    expect(model.links.map((link) => [link.outcome, link.count])).toEqual([
      ["allowed", 5],
      ["blocked", 1],
    ]);
    expect(model.rows.get("db-1|server")?.ports).toEqual(["tcp/5432", "tcp/5433", "tcp/22"]);
  });

  it("shows an address that calls and is called once on each side", () => {
    const edges = [edge("internet", "web-1", { sourceSoftware: null }), edge("web-1", "internet")];
    const model = buildMapModel(view(edges), "workload", ALL);
    expect(model.cards.get("from:internet")?.note).toBe("calls in");
    expect(model.cards.get("to:internet")?.note).toBe("called");
  });

  it("shows workloads without traffic, unless something else is looked for", () => {
    const edges = [edge("web-1", "db-1")];
    expect(buildMapModel(view(edges), "workload", ALL).cards.has("idle")).toBe(true);
    const searched = buildMapModel(view(edges), "workload", { ...ALL, search: "5432" });
    expect([...searched.cards]).toEqual([]);
  });

  it("groups workloads by segment, with what has none together", () => {
    const edges = [edge("web-1", "db-1"), edge("web-2", "db-1"), edge("idle", "db-1")];
    const model = buildMapModel(view(edges), "segment", ALL);
    expect(model.cards.get("segment:web")?.workloads).toBe(2);
    expect(model.cards.get("segment:no segment")?.workloads).toBe(1);
    expect(model.links.find((link) => link.source.startsWith("segment:web"))?.count).toBe(2);
  });

  it("finds by workload, software, port and rule, whatever the case", () => {
    const edges = [
      edge("web-1", "db-1", { rule: "shop/API reads" }),
      edge("web-2", "internet", { port: 443 }),
    ];
    const found = (search: string) => buildMapModel(view(edges), "workload", { ...ALL, search }).edges.length;
    expect(["WEB-1", "server", "tcp/443", "api READS", "nothing"].map(found)).toEqual([1, 2, 1, 1, 0]);
  });

  it("filters by outcome, and by segment at either end", () => {
    const edges = [edge("web-1", "db-1"), edge("web-2", "internet", { outcome: "would-block" })];
    const count = (filter: Partial<MapFilter>) =>
      buildMapModel(view(edges), "workload", { ...ALL, ...filter }).edges.length;
    expect(count({ segment: "db" })).toBe(1);
    expect(count({ segment: "web" })).toBe(2);
    expect(count({ outcomes: ["would-block"] })).toBe(1);
  });

  it("gives the same model whatever the order of the edges", () => {
    const edges = [edge("web-1", "db-1"), edge("web-2", "db-1"), edge("internet", "web-1")];
    const one = buildMapModel(view(edges), "workload", ALL);
    const other = buildMapModel(view(edges.toReversed()), "workload", ALL);
    expect([...other.cards]).toEqual([...one.cards]);
    expect(other.links).toEqual(one.links);
  });

  it("lights what a selection is about, and nothing for one that is gone", () => {
    const model = buildMapModel(view([edge("web-1", "db-1"), edge("web-2", "db-1")]), "workload", ALL);
    expect([...(highlightOf(model, "web-1")?.cards ?? [])].sort()).toEqual(["db-1", "web-1"]);
    expect(highlightOf(model, "web-1|client")?.links.size).toBe(1);
    expect(highlightOf(model, "gone")).toBeNull();
  });

  it("folds software into points with the worst outcome of each pair", () => {
    const edges = [
      edge("web-1", "db-1"),
      edge("web-1", "db-1", { sourceSoftware: "bash", outcome: "blocked" }),
      edge("web-1", "web-1"),
    ];
    const graph = overviewGraphOf(buildMapModel(view(edges), "workload", ALL));
    expect(graph.edges).toEqual([{ source: "web-1", target: "db-1", outcome: "blocked", weight: 2 }]);
    expect(graph.clusterEdges.map((item) => item.outcome).sort()).toEqual(["allowed", "blocked"]);
    expect(graph.nodes.find((node) => node.id === "db-1")?.cluster).toBe("db");
  });
});
