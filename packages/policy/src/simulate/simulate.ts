import {
  type Attempt,
  type ExecRecord,
  effectiveLabels,
  type Flow,
  type Outcome,
  type Problem,
  type Verdict,
} from "@ringwall/model";
import { createDecider, type Decider } from "../decider/decider.ts";
import { decideExec } from "../exec/decide-exec.ts";
import { lookUpEnd } from "../policy-set/end.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import { selects } from "../policy-set/labels.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import type { DecideOptions } from "../spec/decide.ts";
import { formatEnd, formatProcess } from "../words/words.ts";

/** Distinct edges that are listed; further ones are counted in `dropped`. */
export const EDGES_MAX = 10_000;
/** Problems that are listed; further ones are counted. */
export const RECORD_PROBLEMS_MAX = 100;

export type SimulateOptions = DecideOptions & {
  /** The policy that holds today: what it allows is the measure of "newly". Default: the records' own verdicts, else everything was allowed. */
  readonly against?: { readonly set: PolicySet; readonly inventory: Inventory };
  /** Called every so many records. */
  readonly onProgress?: (records: number) => void;
};
export type Totals = {
  readonly records: number;
  /** Sum of the records' counts. */
  readonly connections: number;
  readonly allowed: number;
  readonly wouldBlock: number;
  readonly blocked: number;
};
/** One edge whose outcome changes, with how often it was seen. */
export type EdgeChange = {
  readonly src: string;
  readonly srcSoftware: string;
  readonly dst: string;
  readonly dstSoftware: string;
  readonly proto: string;
  readonly port: number | null;
  /** `outbound POLICY/RULE` or `inbound …`: what decides now. */
  readonly rule: string;
  readonly outcome: Outcome;
  readonly connections: number;
};
export type Simulation = {
  readonly totals: Totals;
  readonly newlyBlocked: readonly EdgeChange[];
  readonly newlyAllowed: readonly EdgeChange[];
  /** Edges beyond `EDGES_MAX` that are not listed. */
  readonly dropped: number;
  readonly bySegment: Readonly<Record<string, Totals>>;
  /** Connections by deciding rule. */
  readonly byRule: Readonly<Record<string, number>>;
  readonly problems: readonly Problem[];
};
type Records = Iterable<Flow | ExecRecord> | AsyncIterable<Flow | ExecRecord>;
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const PROGRESS_EVERY = 100_000;

/** Plays recorded flows against a policy, in constant memory: what they would meet, and what changes. */
export async function simulate(
  set: PolicySet,
  inventory: Inventory,
  flows: Records,
  options: SimulateOptions = {},
): Promise<Simulation> {
  const play = createSimulation(set, inventory, options);
  for await (const record of flows) play.add(record);
  return play.result();
}

/** The same, record by record. */
export function createSimulation(set: PolicySet, inventory: Inventory, options: SimulateOptions = {}) {
  const decider = createDecider(set, inventory, { ...options, nearest: false });
  const { against } = options;
  const before =
    against === undefined
      ? null
      : createDecider(against.set, against.inventory, { ...options, nearest: false });
  const state = createState(set, inventory);
  let records = 0;
  return {
    /** `at` is the record's line where records were passed over; else they are counted. */
    add: (record: Flow | ExecRecord, at?: number): void => {
      records++;
      const line = at ?? records;
      if (records % PROGRESS_EVERY === 0) options.onProgress?.(records);
      if ("exec" in record) addExec(state, set, inventory, record, line);
      else addFlow(state, decider, before, record, line);
    },
    result: (): Simulation => state.result(),
  };
}

type State = ReturnType<typeof createState>;

function addExec(state: State, set: PolicySet, inventory: Inventory, record: ExecRecord, line: number): void {
  const verdict = decideExec(set, inventory, record, { line });
  if (verdict.ok) {
    state.count(verdict.value.outcome, 1, [record.workload]);
    state.countRule(verdict.value.processes.rule, 1);
  } else state.problem(verdict.error, line);
}

function addFlow(state: State, decider: Decider, before: Decider | null, flow: Flow, line: number): void {
  const verdict = decider.decide(flow, line);
  if (!verdict.ok) {
    state.problem(verdict.error, line);
    return;
  }
  const { outcome, outbound, inbound } = verdict.value;
  const count = flow.count ?? 1;
  state.countFlow(flow, outcome, count);
  for (const end of [outbound, inbound]) if (end !== null) state.countRule(end.rule, count);
  const was = outcomeBefore(before, flow);
  const now = outcome === "allowed" ? "allowed" : "denied";
  if (was !== now) state.change(flow, verdict.value, count);
}

/** Whether the flow met no objection until now. */
function outcomeBefore(before: Decider | null, flow: Flow): "allowed" | "denied" {
  if (before !== null) {
    const verdict = before.decide(flow);
    return verdict.ok && verdict.value.outcome !== "allowed" ? "denied" : "allowed";
  }
  return flow.verdict === undefined || flow.verdict === "allowed" ? "allowed" : "denied";
}

function createState(set: PolicySet, inventory: Inventory) {
  const totals = noTotals();
  const bySegment = new Map(set.segments.map((one) => [one.metadata.name, noTotals()]));
  const byRule = new Map<string, number>();
  const changes = {
    blocked: new Map<string, Mutable<EdgeChange>>(),
    allowed: new Map<string, Mutable<EdgeChange>>(),
  };
  const problems: Problem[] = [];
  let dropped = 0;
  const segmentsOf = memoised((name: string) => {
    const workload = inventory.byName.get(name);
    if (workload === undefined) return [];
    const labels = effectiveLabels(workload);
    return set.segments.filter((one) => selects(one.spec.workloads, labels)).map((one) => one.metadata.name);
  });
  const count = (outcome: Outcome, connections: number, workloads: readonly string[]): void => {
    addTo(totals, outcome, connections);
    for (const segment of new Set(workloads.flatMap(segmentsOf))) {
      const own = bySegment.get(segment);
      if (own !== undefined) addTo(own, outcome, connections);
    }
  };
  return {
    count,
    countFlow: (flow: Attempt, outcome: Outcome, connections: number): void =>
      count(outcome, connections, workloadsOf(inventory, flow)),
    countRule: (rule: string, connections: number): void => {
      byRule.set(rule, (byRule.get(rule) ?? 0) + connections);
    },
    change: (flow: Flow, verdict: Verdict, connections: number): void => {
      const list = verdict.outcome === "allowed" ? changes.allowed : changes.blocked;
      const edge = edgeOf(flow, verdict, connections);
      const key = `${edge.src} ${edge.srcSoftware} ${edge.dst} ${edge.dstSoftware} ${edge.proto} ${edge.port} ${edge.rule}`;
      const known = list.get(key);
      if (known !== undefined) known.connections += connections;
      else if (list.size < EDGES_MAX) list.set(key, edge);
      else dropped++;
    },
    problem: (found: readonly Problem[], line: number): void => {
      for (const one of found)
        if (problems.length < RECORD_PROBLEMS_MAX)
          problems.push({ ...one, place: { file: "records", line, column: 1 } });
    },
    result: (): Simulation => ({
      totals,
      newlyBlocked: mostFirst(changes.blocked),
      newlyAllowed: mostFirst(changes.allowed),
      dropped,
      bySegment: Object.fromEntries(bySegment),
      byRule: Object.fromEntries([...byRule].sort(([a], [b]) => (a < b ? -1 : 1))),
      problems,
    }),
  };
}

function workloadsOf(inventory: Inventory, flow: Attempt): readonly string[] {
  const named = [flow.src, flow.dst].map((end, i) => {
    if (typeof end.workload === "string") return end.workload;
    return lookUpEnd(inventory, end, i === 0 ? flow.dst : flow.src).workload?.metadata.name;
  });
  return named.filter((one) => one !== undefined);
}

function edgeOf(flow: Flow, verdict: Verdict, connections: number): Mutable<EdgeChange> {
  const worse = verdict.inbound?.outcome === verdict.outcome ? "inbound" : "outbound";
  return {
    src: formatEnd(flow.src),
    srcSoftware: formatProcess(flow.src),
    dst: formatEnd(flow.dst),
    dstSoftware: formatProcess(flow.dst),
    proto: flow.proto,
    port: (flow.proto === "icmp" ? flow.icmpType : flow.port) ?? null,
    rule: `${worse} ${verdict[worse]?.rule ?? "not judged"}`,
    outcome: verdict.outcome,
    connections,
  };
}

function mostFirst(edges: ReadonlyMap<string, EdgeChange>): readonly EdgeChange[] {
  return [...edges]
    .sort(([a, x], [b, y]) => y.connections - x.connections || (a < b ? -1 : 1))
    .map(([, edge]) => edge);
}

function noTotals(): Mutable<Totals> {
  return { records: 0, connections: 0, allowed: 0, wouldBlock: 0, blocked: 0 };
}

function addTo(totals: Mutable<Totals>, outcome: Outcome, connections: number): void {
  totals.records++;
  totals.connections += connections;
  if (outcome === "allowed") totals.allowed += connections;
  else if (outcome === "blocked") totals.blocked += connections;
  else totals.wouldBlock += connections;
}

function memoised<T>(compute: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const value = compute(key);
    known.set(key, value);
    return value;
  };
}
