import {
  decodeAddress,
  formatAddress,
  type Outcome,
  type ProcessIdentity,
  type Resource,
} from "@ringwall/model";
import { createSegmentsOf, policySetOf } from "@ringwall/policy";
import type { ShadowChange, ShadowEdge, ShadowView } from "@ringwall/protocol/rest";
import type { ShadowDifference } from "../../ingest/decode-shadow.ts";
import type { Fleet } from "../../store/state/fleet.ts";
import { PROTOCOLS } from "../flow-records.ts";
import type { SoftwareName } from "../software-names.ts";
import { isRunning, type LastShadow } from "./shadows.ts";

/** Edges of one view; those with the most attempts are kept. */
export const SHADOW_EDGES_MAX = 10_000;

/** What the draft would have changed, by edge, segment and rule. */
export function shadowViewOf(
  { run, draft, hosts }: LastShadow,
  fleet: Pick<Fleet, "ownerOf" | "workloads">,
  nameOf: (identity: ProcessIdentity) => SoftwareName,
): ShadowView {
  const segmentsOf = segmentIndex(draft, fleet);
  const merged = new Map<string, ShadowEdge>();
  for (const { workload, told } of hosts) {
    const segments = segmentsOf(workload);
    for (const difference of told?.differences ?? []) {
      const edge = edgeOf(difference, workload, segments, fleet, nameOf);
      const { count, firstSeen, lastSeen, ...key } = edge;
      const before = merged.get(JSON.stringify(key));
      merged.set(JSON.stringify(key), before === undefined ? edge : joined(before, edge));
    }
  }
  const edges = [...merged.values()].sort((a, b) => b.count - a.count);
  const told = hosts.flatMap((host) =>
    host.told === null ? [] : [{ ...host.told, workload: host.workload }],
  );
  return {
    run: run.run,
    state: isRunning(run) ? "running" : run.stoppedAt === null ? "ended" : "stopped",
    started: run.startedAt.toISOString(),
    startedBy: run.startedBy,
    ends: run.endsAt.toISOString(),
    stopped: run.stoppedAt?.toISOString() ?? null,
    hosts: {
      asked: hosts.length,
      reporting: told.length,
      running: told.filter((one) => one.running).length,
      problems: told
        .filter((one) => one.problem !== "")
        .map(({ workload, problem }) => ({ workload, problem })),
    },
    met: sum(told.map((one) => one.met)),
    uncounted: sum(told.map((one) => one.uncounted)),
    edges: edges.slice(0, SHADOW_EDGES_MAX),
    bySegment: countsBy(edges, (edge) => edge.segments).map(([segment, changes]) => ({ segment, changes })),
    byRule: countsBy(edges, ruleThatChanges).map(([rule, changes]) => ({ rule, changes })),
  };
}

/** What becomes of attempts: whether they pass counts before what is recorded of them. */
export function changeOf(live: Outcome, draft: Outcome): ShadowChange {
  if ((live === "blocked") !== (draft === "blocked"))
    return draft === "blocked" ? "newly-blocked" : "newly-allowed";
  return draft === "allowed" ? "no-longer-denied" : "newly-denied";
}

function edgeOf(
  one: ShadowDifference,
  workload: string,
  segments: readonly string[],
  fleet: Pick<Fleet, "ownerOf">,
  nameOf: (identity: ProcessIdentity) => SoftwareName,
): ShadowEdge {
  const address = formatAddress(decodeAddress(Buffer.from(one.peer, "hex")));
  const peer = fleet.ownerOf(address) ?? address;
  const software = one.process === null ? null : nameOf(one.process).name;
  const outbound = one.direction === "outbound";
  return {
    change: changeOf(one.live, one.draft),
    workload,
    segments: [...segments],
    direction: one.direction,
    source: outbound ? workload : peer,
    sourceSoftware: outbound ? software : null,
    destination: outbound ? peer : workload,
    destinationSoftware: outbound ? null : software,
    proto: PROTOCOLS[one.proto] ?? String(one.proto),
    port: one.port,
    live: { outcome: one.live, rule: one.liveRule },
    draft: { outcome: one.draft, rule: one.draftRule },
    count: one.count,
    firstSeen: new Date(one.firstMs).toISOString(),
    lastSeen: new Date(one.lastMs).toISOString(),
  };
}

function joined(a: ShadowEdge, b: ShadowEdge): ShadowEdge {
  return {
    ...a,
    count: a.count + b.count,
    firstSeen: a.firstSeen < b.firstSeen ? a.firstSeen : b.firstSeen,
    lastSeen: a.lastSeen > b.lastSeen ? a.lastSeen : b.lastSeen,
  };
}

/** The draft's rule, or today's where the draft only lacks it. */
function ruleThatChanges({ live, draft }: ShadowEdge): readonly string[] {
  return [draft.rule === "default" ? live.rule : draft.rule];
}

/** Attempts by change, for each key that an edge has; the most first. */
function countsBy(edges: readonly ShadowEdge[], keysOf: (edge: ShadowEdge) => readonly string[]) {
  const found = new Map<string, Record<ShadowChange, number>>();
  for (const edge of edges) {
    for (const key of keysOf(edge)) {
      const counts = found.get(key) ?? {
        "newly-blocked": 0,
        "newly-allowed": 0,
        "newly-denied": 0,
        "no-longer-denied": 0,
      };
      counts[edge.change] += edge.count;
      found.set(key, counts);
    }
  }
  return [...found].sort(([, a], [, b]) => sum(Object.values(b)) - sum(Object.values(a)));
}

/** The draft's segments of each workload. */
function segmentIndex(draft: readonly Resource[], fleet: Pick<Fleet, "workloads">) {
  const segmentsOf = createSegmentsOf(policySetOf(draft).segments);
  const byName = new Map(fleet.workloads().map((one) => [one.metadata.name, one]));
  return (name: string): readonly string[] => {
    const workload = byName.get(name);
    return workload === undefined ? [] : segmentsOf(workload).map((one) => one.metadata.name);
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
