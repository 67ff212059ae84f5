import {
  type DriftResult,
  drift,
  type Edge,
  type EdgeEnd,
  type Exec,
  type LearnInput,
  type LearnResult,
  learn,
  type Rejection,
  type UpdateResult,
  update,
} from "@ringwall/learner";
import type { Resource, Workload } from "@ringwall/model";
import { DRILL_RULES } from "./drill/mark-flows.ts";
import { PROTOCOLS } from "./flow-records.ts";
import type { Seen, SeenEnd } from "./window.ts";

/** Between fewest rules (0) and tightest (1); the value that the learner's own benchmarks are passed with. */
export const TIGHTNESS_DEFAULT = 0.5;

export type LearnOptions = {
  readonly tightness: number | undefined;
  readonly seed: number | undefined;
  readonly essential: readonly { readonly ip: string; readonly port: number }[];
  /** Programs that were started. */
  readonly execs: readonly Exec[];
  readonly rejected: readonly Rejection[];
};

/** What the learner reads: the store's connection groups as its edges. Names are taken by what the policy keeps. */
export function learnFrom(
  seen: readonly Seen[],
  inventory: readonly Workload[],
  options: LearnOptions,
  taken: readonly string[],
): LearnResult {
  return learn({ ...inputOf(seen, inventory, options), taken });
}

/** What a policy that people have lacks. Null where two workloads have one name. */
export function updateFrom(
  seen: readonly Seen[],
  inventory: readonly Workload[],
  options: LearnOptions,
  resources: readonly Resource[],
): UpdateResult | null {
  return update({ ...inputOf(seen, inventory, options), resources });
}

/** What a policy does not allow of what was seen, classed. */
export function driftFrom(
  seen: readonly Seen[],
  inventory: readonly Workload[],
  { essential }: Pick<LearnOptions, "essential">,
  resources: readonly Resource[],
): DriftResult {
  return drift({ edges: edgesOf(seen), inventory, essential, resources });
}

function inputOf(
  seen: readonly Seen[],
  inventory: readonly Workload[],
  { tightness, seed, essential, execs, rejected }: LearnOptions,
): Omit<LearnInput, "taken"> {
  return {
    edges: edgesOf(seen),
    inventory,
    tightness: tightness ?? TIGHTNESS_DEFAULT,
    seed: seed ?? 0,
    essential,
    execs,
    rejected,
  };
}

/** A proposal keeps what people wrote by hand and the learner doesn't write: Workloads and Assertions. */
export function keptByPeople(resources: readonly Resource[]): readonly Resource[] {
  return resources.filter((one) => one.kind === "Workload" || one.kind === "Assertion");
}

function edgesOf(seen: readonly Seen[]): Edge[] {
  const edges = new Map<string, Edge>();
  for (const one of seen) {
    if (one.rule.startsWith(DRILL_RULES)) continue;
    const edge = edgeOf(one);
    const key = JSON.stringify([
      edge.src.workload,
      edge.src.ip,
      one.src.process,
      edge.dst.workload,
      edge.dst.ip,
      one.dst.process,
      edge.proto,
      edge.port,
    ]);
    const before = edges.get(key);
    edges.set(key, before === undefined ? edge : merge(before, edge));
  }
  return [...edges.values()];
}

function edgeOf(seen: Seen): Edge {
  const count = Math.max(1, seen.count);
  return {
    src: endOf(seen.src),
    dst: endOf(seen.dst),
    proto: PROTOCOLS[seen.proto] ?? "tcp",
    port: seen.port,
    firstMs: seen.first_ms,
    lastMs: seen.last_ms,
    days: seen.days,
    // A datagram has no handshake to tell by: what was let out counts as having come to be.
    established:
      seen.verdict !== "blocked" && (seen.state === "established" || seen.state === "unknown") ? count : 0,
    refused: seen.verdict !== "blocked" && seen.state === "refused" ? count : 0,
    timeout: seen.verdict !== "blocked" && seen.state === "timeout" ? count : 0,
    denied: seen.verdict === "blocked" || seen.state === "denied" ? count : 0,
    bytesOut: seen.bytes_out,
    bytesIn: seen.bytes_in,
  };
}

function endOf(end: SeenEnd): EdgeEnd {
  return { workload: end.workload, ip: end.ip, fqdn: null, process: end.process };
}

function merge(a: Edge, b: Edge): Edge {
  return {
    ...a,
    firstMs: Math.min(a.firstMs, b.firstMs),
    lastMs: Math.max(a.lastMs, b.lastMs),
    days: Math.max(a.days, b.days),
    established: a.established + b.established,
    refused: a.refused + b.refused,
    timeout: a.timeout + b.timeout,
    denied: a.denied + b.denied,
    bytesOut: a.bytesOut + b.bytesOut,
    bytesIn: a.bytesIn + b.bytesIn,
  };
}
