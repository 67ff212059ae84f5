import { type Attempt, type ExecRecord, type Flow, type FlowEnd, isAttempt } from "@ringwall/model";
import { createDecider, type Decider, type Place } from "../decider/decider.ts";
import { decideExec } from "../exec/decide-exec.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import type { DecideOptions } from "../spec/decide.ts";
import type { Simulation } from "./simulation.ts";
import { createTally, type JudgedEdge, type Spot } from "./tally.ts";

export type SimulateOptions = DecideOptions & {
  /** The policy that holds today: what it allows is the measure of "newly". Default: the records' own verdicts, else everything was allowed. */
  readonly against?: { readonly set: PolicySet; readonly inventory: Inventory };
};
type Records = Iterable<Flow | ExecRecord> | AsyncIterable<Flow | ExecRecord>;

/** Plays recorded flows against a policy, in constant memory: what they would meet, and what changes. */
export async function simulate(
  set: PolicySet,
  inventory: Inventory,
  flows: Records,
  options: SimulateOptions = {},
): Promise<Simulation> {
  const play = createSimulation(set, inventory, options);
  let line = 0;
  for await (const record of flows) play.add(record, ++line);
  return play.result();
}

/** A simulation that is fed record by record. */
export type Player = {
  /** `line` is where the record stands, for problems. */
  readonly add: (record: Flow | ExecRecord, line: number) => void;
  /** Judges without counting; null where that can't be, which is then one of the problems. */
  readonly judge: (
    record: Flow | ExecRecord,
    line: number,
    src?: LocatedEnd,
    dst?: LocatedEnd,
  ) => JudgedEdge | null;
  /** Looks an end up once, for a caller that keeps it for many judgements. */
  readonly locate: (end: FlowEnd) => LocatedEnd;
  /** Counts so many records of a judged edge, with the sum of their counts. */
  readonly count: (edge: JudgedEdge, records: number, connections: number) => void;
  readonly result: () => Simulation;
};

/** An end with all that a judgement asks of it alone. */
export type LocatedEnd = {
  readonly end: FlowEnd;
  readonly now: Place | null;
  /** Under the policy that holds today; null without one too. */
  readonly before: Place | null;
  readonly spot: Spot;
};

export function createSimulation(
  set: PolicySet,
  inventory: Inventory,
  options: SimulateOptions = {},
): Player {
  const { against, ...fleet } = options;
  const decider = createDecider(set, inventory, { ...fleet, nearest: false });
  const before =
    against === undefined
      ? null
      : createDecider(against.set, against.inventory, { ...fleet, nearest: false });
  const tally = createTally(set, inventory);
  const judgeFlow = (
    flow: Flow & Attempt,
    line: number,
    src?: LocatedEnd,
    dst?: LocatedEnd,
  ): JudgedEdge | null => {
    const verdict = decider.decide(flow, line, src?.now, dst?.now);
    if (!verdict.ok) {
      tally.problem(verdict.error, line);
      return null;
    }
    const now = verdict.value.outcome === "allowed" ? "allowed" : "denied";
    const changed = outcomeBefore(before, flow, src?.before, dst?.before) !== now;
    return tally.edgeOf(flow, verdict.value, changed, src?.spot, dst?.spot);
  };
  const judgeExec = (record: ExecRecord, line: number): JudgedEdge | null => {
    const verdict = decideExec(set, inventory, record, { line });
    if (verdict.ok) return tally.execOf(record.workload, verdict.value.outcome, verdict.value.processes.rule);
    tally.problem(verdict.error, line);
    return null;
  };
  const judge: Player["judge"] = (record, line, src, dst) => {
    if ("exec" in record) return judgeExec(record, line);
    return isAttempt(record) ? judgeFlow(record, line, src, dst) : null;
  };
  return {
    judge,
    locate: (end) => {
      const now = decider.placeOf(end);
      return { end, now, before: before?.placeOf(end) ?? null, spot: tally.spotOf(end, now) };
    },
    count: tally.count,
    add: (record, line) => {
      const edge = judge(record, line);
      if (edge !== null) tally.count(edge, 1, "exec" in record ? 1 : (record.count ?? 1));
    },
    result: tally.result,
  };
}

/** Whether the flow met no objection until now. */
function outcomeBefore(
  before: Decider | null,
  flow: Flow & Attempt,
  src: Place | null | undefined,
  dst: Place | null | undefined,
): "allowed" | "denied" {
  if (before !== null) {
    const verdict = before.decide(flow, 1, src, dst);
    return verdict.ok && verdict.value.outcome !== "allowed" ? "denied" : "allowed";
  }
  return flow.verdict === undefined || flow.verdict === "allowed" ? "allowed" : "denied";
}
