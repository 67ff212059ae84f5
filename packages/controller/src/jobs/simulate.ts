import {
  type Flow,
  isAttempt,
  type ProcessIdentity,
  type Resource,
  type Segment,
  type Verdict,
} from "@ringwall/model";
import type { EssentialConfig } from "@ringwall/policy";
import { AGENT_SOFTWARE, createDecider, type PolicySet, policySetOf, resourcesOf } from "@ringwall/policy";
import type { SimulateReply } from "@ringwall/protocol/rest";
import type { World } from "./compile-fleet.ts";
import { flowOf, PROTOCOLS } from "./flow-records.ts";
import { nodeId } from "./map-view.ts";
import type { SoftwareName } from "./software-names.ts";
import { createTouchedSegments } from "./touched-segments.ts";
import type { Seen } from "./window.ts";

/** Edges listed of each kind; the busiest first. */
export const SIMULATED_EDGES_MAX = 1_000;
type SimulatedEdge = SimulateReply["deniedEdges"][number];

/** What was seen would meet under `draft` if every segment were in block, beside what it would under `live`. */
export function simulateSeen(
  seen: readonly Seen[],
  draft: World,
  live: World,
  essential: EssentialConfig,
  proof: ProofFacts,
  nameOf: (identity: ProcessIdentity) => SoftwareName,
): SimulateReply {
  const set = inBlock(draft.set);
  const pathStripped = strippedPaths(proof);
  const options = { essential, pathStripped, nowMs: Date.now() };
  const now = createDecider(set, draft.inventory, options);
  const before = createDecider(inBlock(live.set), live.inventory, options);
  const totals = { connections: 0, allowed: 0, denied: 0 };
  const newlyDenied = new Map<string, SimulatedEdge>();
  const newlyAllowed = new Map<string, SimulatedEdge>();
  const deniedEdges = new Map<string, SimulatedEdge>();
  const segments = new Map(set.segments.map((one) => [one.metadata.name, { connections: 0, denied: 0 }]));
  const rules = new Map<string, number>();
  const touchedBy = createTouchedSegments(set, draft.inventory);

  for (const one of seen) {
    const flow = proved(attributed(flowOf(one), essential), pathStripped);
    if (!isAttempt(flow)) continue;
    const verdict = now.decide(flow);
    if (!verdict.ok) continue;
    const count = flow.count ?? 1;
    const denied = verdict.value.outcome === "blocked";
    const former = before.decide(flow);
    const wasDenied = former.ok && former.value.outcome === "blocked";
    totals.connections += count;
    totals[denied ? "denied" : "allowed"] += count;
    const edge = edgeOf(one, verdict.value, nameOf);
    if (denied) add(deniedEdges, edge);
    if (denied && !wasDenied) add(newlyDenied, edge);
    if (!denied && wasDenied) add(newlyAllowed, edge);
    rules.set(edge.rule, (rules.get(edge.rule) ?? 0) + count);
    for (const segment of touchedBy(one)) {
      const total = segments.get(segment.metadata.name);
      if (total === undefined) continue;
      total.connections += count;
      if (denied) total.denied += count;
    }
  }
  return {
    ...totals,
    newlyDenied: busiest(newlyDenied),
    newlyAllowed: busiest(newlyAllowed),
    deniedEdges: busiest(deniedEdges),
    bySegment: [...segments].map(([segment, total]) => ({ segment, ...total })),
    byRule: [...rules]
      .map(([rule, connections]) => ({ rule, connections }))
      .sort((a, b) => b.connections - a.connections),
  };
}

/** Who can prove its software now, and where proofs do not arrive; plain data that goes from thread to thread. */
export type ProofFacts = {
  readonly provers: readonly string[];
  readonly stripped: readonly { readonly source: string; readonly destination: string }[];
};

/** Whether the two hosts know each other's software by no proof. */
export function strippedPaths({ provers, stripped }: ProofFacts): (src: string, dst: string) => boolean {
  const able = new Set(provers);
  const paths = new Set(stripped.map(({ source, destination }) => `${source} ${destination}`));
  return (src, dst) =>
    !able.has(src) || !able.has(dst) || paths.has(`${src} ${dst}`) || paths.has(`${dst} ${src}`);
}

/** A connection seen before its hosts could prove would be proved today: by the software that both ends reported. */
export function proved(flow: Flow, pathStripped: (src: string, dst: string) => boolean): Flow {
  const { workload: src } = flow.src;
  const { workload: dst } = flow.dst;
  const arrives =
    flow.proto === "tcp" && src != null && dst != null && src !== dst && !pathStripped(src, dst);
  return arrives ? { ...flow, verification: "in-band" } : flow;
}

/** The agent's own connection: its process is marked in the kernel and has no identity that a policy could name. */
function attributed(flow: Flow, { controller }: EssentialConfig): Flow {
  const isAgents =
    controller !== null && flow.port === controller.port && controller.addresses.includes(flow.dst.ip ?? "");
  return isAgents ? { ...flow, src: { ...flow.src, software: AGENT_SOFTWARE } } : flow;
}

/** The policy with every governed direction in block: what a simulation asks about. */
function inBlock(set: PolicySet): PolicySet {
  const blocked = (segment: Segment): Resource => {
    const { mode, modes, ...spec } = segment.spec;
    if (mode !== undefined) return { ...segment, spec: { ...spec, mode: "block" } };
    const all = Object.fromEntries(Object.keys(modes ?? {}).map((direction) => [direction, "block"]));
    return { ...segment, spec: { ...spec, modes: all } };
  };
  return policySetOf(resourcesOf(set).map((one) => (one.kind === "Segment" ? blocked(one) : one)));
}

function edgeOf(
  seen: Seen,
  verdict: Verdict,
  nameOf: (identity: ProcessIdentity) => SoftwareName,
): SimulatedEdge {
  const end = verdict.inbound?.outcome === verdict.outcome ? verdict.inbound : verdict.outbound;
  const nearest = end?.nearest;
  return {
    source: nodeId(seen.src),
    sourceSoftware: seen.src.process === null ? null : nameOf(seen.src.process).name,
    destination: nodeId(seen.dst),
    destinationSoftware: seen.dst.process === null ? null : nameOf(seen.dst.process).name,
    proto: PROTOCOLS[seen.proto] ?? "tcp",
    port: seen.port,
    connections: Math.max(1, seen.count),
    lastSeen: new Date(seen.last_ms).toISOString(),
    rule: end?.rule ?? "default",
    reason:
      nearest === undefined
        ? end?.decision === "deny"
          ? end.rule === "default"
            ? "no rule allows it"
            : `denied by \`${end.rule}\``
          : ""
        : `nearest rule \`${nearest.rule}\`: ${nearest.differs}`,
  };
}

function add(edges: Map<string, SimulatedEdge>, edge: SimulatedEdge): void {
  const { connections, lastSeen, ...key } = edge;
  const text = JSON.stringify(key);
  const before = edges.get(text);
  edges.set(text, {
    ...edge,
    connections: connections + (before?.connections ?? 0),
    lastSeen: before !== undefined && before.lastSeen > lastSeen ? before.lastSeen : lastSeen,
  });
}

function busiest(edges: ReadonlyMap<string, SimulatedEdge>): SimulatedEdge[] {
  return [...edges.values()].sort((a, b) => b.connections - a.connections).slice(0, SIMULATED_EDGES_MAX);
}
