import type { ProcessIdentity } from "@ringwall/model";
import { formatPrefix, isGlobal, isV4, networkOf, parseAddress } from "@ringwall/model";
import { createSegmentsOf, type Inventory, type PolicySet } from "@ringwall/policy";
import type { MapEdge, MapNode, MapView } from "@ringwall/protocol/rest";
import { PROTOCOLS, verificationOf } from "./flow-records.ts";
import type { SoftwareName } from "./software-names.ts";
import type { Seen, SeenEnd } from "./window.ts";

/** Networks of addresses that are nobody's workload: a /24, or a /64; lengths of the 128-bit form. */
const V4_MAP_BITS = 120;
const V6_MAP_BITS = 64;
/** Edges of one map; the busiest are kept. */
export const MAP_EDGES_MAX = 50_000;

/** The map: software on workloads and address classes, with an edge for each outcome between two ends at one port. */
export function mapOf(
  seen: readonly Seen[],
  set: PolicySet,
  inventory: Inventory,
  nameOf: (identity: ProcessIdentity) => SoftwareName,
): MapView {
  const edges = new Map<string, MapEdge>();
  for (const one of seen) {
    const edge = edgeOf(one, nameOf);
    const key = JSON.stringify([
      edge.source,
      edge.sourceSoftware,
      edge.destination,
      edge.destinationSoftware,
      edge.proto,
      edge.port,
      edge.outcome,
      edge.rule,
    ]);
    edges.set(key, merge(edges.get(key), edge));
  }
  const kept = [...edges.values()].sort((a, b) => b.count - a.count).slice(0, MAP_EDGES_MAX);
  return { nodes: nodesOf(kept, set, inventory), edges: kept };
}

/** `internet` for public addresses, the /24 or /64 for the rest: a map of single addresses is nobody's map. */
export function nodeId(end: SeenEnd): string {
  if (end.workload !== null) return end.workload;
  const address = parseAddress(end.ip);
  if (address !== null && isGlobal(address)) return "internet";
  if (address === null) return end.ip;
  const bits = isV4(address) ? V4_MAP_BITS : V6_MAP_BITS;
  return formatPrefix({ address: networkOf(address, bits), bits });
}

function edgeOf(seen: Seen, nameOf: (identity: ProcessIdentity) => SoftwareName): MapEdge {
  const softwareOf = (end: SeenEnd) => (end.process === null ? null : nameOf(end.process).name);
  return {
    source: nodeId(seen.src),
    sourceSoftware: softwareOf(seen.src),
    destination: nodeId(seen.dst),
    destinationSoftware: softwareOf(seen.dst),
    proto: PROTOCOLS[seen.proto] ?? "tcp",
    port: seen.port,
    count: Math.max(1, seen.count),
    bytesOut: seen.bytes_out,
    bytesIn: seen.bytes_in,
    outcome: seen.verdict,
    verification: verificationOf(seen),
    rule: seen.rule === "" ? null : seen.rule,
    lastSeen: new Date(seen.last_ms).toISOString(),
  };
}

function merge(before: MapEdge | undefined, edge: MapEdge): MapEdge {
  if (before === undefined) return edge;
  const newer = before.lastSeen > edge.lastSeen ? before : edge;
  return {
    ...newer,
    count: before.count + edge.count,
    bytesOut: before.bytesOut + edge.bytesOut,
    bytesIn: before.bytesIn + edge.bytesIn,
  };
}

function nodesOf(edges: readonly MapEdge[], set: PolicySet, inventory: Inventory): MapNode[] {
  const software = new Map<string, Set<string>>();
  const add = (node: string, name: string | null) => {
    const names = software.get(node) ?? new Set();
    if (name !== null) names.add(name);
    software.set(node, names);
  };
  for (const workload of inventory.workloads) add(workload.metadata.name, null);
  for (const edge of edges) {
    add(edge.source, edge.sourceSoftware);
    add(edge.destination, edge.destinationSoftware);
  }
  const segmentsOf = createSegmentsOf(set.segments);
  return [...software].map(([id, names]) => {
    const workload = inventory.byName.get(id);
    const segments = workload === undefined ? [] : segmentsOf(workload);
    return {
      id,
      kind: workload === undefined ? "address" : "workload",
      segments: segments.map((one) => one.metadata.name),
      software: [...names].sort(),
    };
  });
}
