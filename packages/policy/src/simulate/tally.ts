import type { EndVerdict, Flow, FlowEnd, Outcome, Problem, Verdict } from "@ringwall/model";
import { createSegmentsOf } from "../compile/segments-of.ts";
import type { Place } from "../decider/decider.ts";
import { lookUpEnd } from "../policy-set/end.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { formatEnd, formatProcess } from "../words/words.ts";
import type { EdgeChange, Simulation, Totals } from "./simulation.ts";
import { EDGES_MAX, RECORD_PROBLEMS_MAX } from "./simulation.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Counter = { connections: number };

/** Flows that the verdict does not tell apart: where they are counted. */
export type JudgedEdge = {
  readonly outcome: Outcome;
  /** Of the segments that each end is in. */
  readonly source: SegmentTotals;
  readonly destination: SegmentTotals;
  readonly outbound: Counter | null;
  readonly inbound: Counter | null;
  /** What changes; "beyond" where it changes and there is no room to list it. */
  readonly change: Mutable<EdgeChange> | "beyond" | null;
};
type SegmentTotals = readonly Mutable<Totals>[];
/** What of one end is counted and listed. */
export type Spot = {
  /** Null where it takes the other end to say who this one is. */
  readonly segments: SegmentTotals | null;
  readonly name: string;
  readonly software: string;
  /** Of both names. */
  readonly hash: number;
};

/** What a simulation has counted so far, in bounded memory. */
export type Tally = ReturnType<typeof createTally>;

export function createTally(set: PolicySet, inventory: Inventory) {
  const totals = noTotals();
  const bySegment = new Map(set.segments.map((one) => [one.metadata.name, noTotals()]));
  const byRule = new Map<string, Counter>();
  const changes = createChanges();
  const problems: Problem[] = [];
  let unlistedProblems = 0;
  const segmentsOf = createSegments(set, inventory, bySegment);
  const ruleNamed = (rule: string): Counter => {
    const known = byRule.get(rule);
    if (known !== undefined) return known;
    const counter = { connections: 0 };
    byRule.set(rule, counter);
    return counter;
  };
  const spotOf = (end: FlowEnd, place: Place | null): Spot => {
    const [name, software] = [formatEnd(end), formatProcess(end)];
    const at = place?.index ?? null;
    const workload = at === null ? undefined : inventory.workloads[at]?.metadata.name;
    const hash = hashOfText(software, hashOfText(name, 0));
    return { segments: place === null ? null : segmentsOf(workload), name, software, hash };
  };
  return {
    /** @param place where the end is by itself; null = not known */
    spotOf,
    /** @param changed whether the flow meets something else than until now */
    edgeOf: (
      flow: Flow,
      { outcome, outbound, inbound }: Verdict,
      changed: boolean,
      src = spotOf(flow.src, null),
      dst = spotOf(flow.dst, null),
    ): JudgedEdge => ({
      outcome,
      source: src.segments ?? segmentsOf(workloadOf(inventory, flow.src, flow.dst)),
      destination: dst.segments ?? segmentsOf(workloadOf(inventory, flow.dst, flow.src)),
      outbound: outbound === null ? null : ruleNamed(outbound.rule),
      inbound: inbound === null ? null : ruleNamed(inbound.rule),
      change: changed ? changes.entryOf(flow, src, dst, outcome, outbound, inbound) : null,
    }),
    execOf: (workload: string, outcome: Outcome, rule: string): JudgedEdge => ({
      outcome,
      source: segmentsOf(workload),
      destination: [],
      outbound: ruleNamed(rule),
      inbound: null,
      change: null,
    }),
    count: (edge: JudgedEdge, records: number, connections: number): void => {
      addToAll(totals, edge, records, connections);
      if (edge.change === "beyond") changes.beyond(records);
      else if (edge.change !== null) edge.change.connections += connections;
    },
    problem: (found: readonly Problem[], line: number): void => {
      for (const one of found)
        if (problems.length < RECORD_PROBLEMS_MAX)
          problems.push({ ...one, place: { file: "records", line, column: 1 } });
        else unlistedProblems++;
    },
    result: (): Simulation => ({
      totals,
      ...changes.listed(),
      bySegment: Object.fromEntries(bySegment),
      byRule: listed(byRule),
      problems,
      unlistedProblems,
    }),
  };
}

/** To the totals of all, of both ends' segments (once each) and of the rules that decided. */
function addToAll(totals: Mutable<Totals>, edge: JudgedEdge, records: number, connections: number): void {
  const { outcome, source, destination, outbound, inbound } = edge;
  addTo(totals, outcome, records, connections);
  for (const one of source) addTo(one, outcome, records, connections);
  if (destination !== source)
    for (const one of destination) if (!source.includes(one)) addTo(one, outcome, records, connections);
  if (outbound !== null) outbound.connections += connections;
  if (inbound !== null) inbound.connections += connections;
}

/** By name, in order. */
function listed(byRule: ReadonlyMap<string, Counter>): Record<string, number> {
  const sorted = [...byRule].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([rule, { connections }]) => [rule, connections]));
}

/** Changed edges by what a person tells them apart by; the first `EDGES_MAX` of each kind are kept. */
function createChanges() {
  const lists = { blocked: newList(), allowed: newList() };
  let dropped = 0;
  return {
    entryOf: (
      { proto, port, icmpType }: Flow,
      src: Spot,
      dst: Spot,
      outcome: Outcome,
      outbound: EndVerdict | null,
      inbound: EndVerdict | null,
    ): Mutable<EdgeChange> | "beyond" => {
      const { edges, hashes } = outcome === "allowed" ? lists.allowed : lists.blocked;
      const at = (proto === "icmp" ? icmpType : port) ?? null;
      const hash = Math.imul(Math.imul(src.hash ^ (at ?? -1), MIX) ^ dst.hash, MIX) >> 1;
      if (edges.size >= EDGES_MAX && !hashes.has(hash)) return "beyond";
      const [end, verdict] = inbound?.outcome === outcome ? ["inbound", inbound] : ["outbound", outbound];
      const names = {
        src: src.name,
        srcSoftware: src.software,
        dst: dst.name,
        dstSoftware: dst.software,
        proto,
        port: at,
        rule: `${end} ${verdict?.rule ?? "not judged"}`,
      };
      const key = `${names.src} ${names.srcSoftware} ${names.dst} ${names.dstSoftware} ${proto} ${names.port} ${names.rule}`;
      const known = edges.get(key);
      if (known !== undefined) return known;
      if (edges.size >= EDGES_MAX) return "beyond";
      const edge = { ...names, outcome, connections: 0 };
      edges.set(key, edge);
      hashes.add(hash);
      return edge;
    },
    beyond: (records: number): void => {
      dropped += records;
    },
    listed: () => ({
      newlyBlocked: mostFirst(lists.blocked.edges),
      newlyAllowed: mostFirst(lists.allowed.edges),
      dropped,
    }),
  };
}

const MIX = 0x9e3779b1;

/** Listed edges by their names, and hashes of those names: what has none of them is not listed, without writing out its names. */
function newList() {
  return { edges: new Map<string, Mutable<EdgeChange>>(), hashes: new Set<number>() };
}

function hashOfText(text: string, from: number): number {
  let hash = from;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), MIX) ^ (hash >>> 15);
  return hash;
}

/** The totals of the segments that a workload is in, by its name. */
function createSegments(
  set: PolicySet,
  inventory: Inventory,
  bySegment: ReadonlyMap<string, Mutable<Totals>>,
) {
  const segmentsOf = createSegmentsOf(set.segments);
  const none: SegmentTotals = [];
  const known = new Map<string, SegmentTotals>();
  return (name: string | undefined): SegmentTotals => {
    if (name === undefined) return none;
    const found = known.get(name);
    if (found !== undefined) return found;
    const workload = inventory.byName.get(name);
    if (workload === undefined) return none;
    const totals = segmentsOf(workload).flatMap((one) => bySegment.get(one.metadata.name) ?? []);
    known.set(name, totals);
    return totals;
  };
}

/** The workload that an end is, by name. */
function workloadOf(inventory: Inventory, end: FlowEnd, other: FlowEnd): string | undefined {
  return typeof end.workload === "string"
    ? end.workload
    : lookUpEnd(inventory, end, other).workload?.metadata.name;
}

function mostFirst(edges: ReadonlyMap<string, EdgeChange>): readonly EdgeChange[] {
  return [...edges]
    .sort(([a, x], [b, y]) => y.connections - x.connections || (a < b ? -1 : 1))
    .map(([, edge]) => edge);
}

function noTotals(): Mutable<Totals> {
  return { records: 0, connections: 0, allowed: 0, wouldBlock: 0, blocked: 0 };
}

function addTo(totals: Mutable<Totals>, outcome: Outcome, records: number, connections: number): void {
  totals.records += records;
  totals.connections += connections;
  if (outcome === "allowed") totals.allowed += connections;
  else if (outcome === "blocked") totals.blocked += connections;
  else totals.wouldBlock += connections;
}
