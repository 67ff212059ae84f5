import type { ProcessFlows } from "../../lab/src/fleet/process-flows.ts";
import { collectEdges, type DriftEdge, drift, edgesOfFlows, type LearnResult, learn } from "../src/index.ts";
import { type Bar, bar, percent } from "./bars.ts";

export type ProcessTrial = {
  readonly result: LearnResult;
  readonly later: number;
  readonly allowed: number;
  /** Named as suspicious by class and reason. */
  readonly suspicious: readonly DriftEdge[];
  readonly others: readonly DriftEdge[];
  readonly rules: number;
};

/** Share of the time that is learned from. */
const LEARNED_SHARE = 0.7;

/** Learns from the first part of a log of process connections, and judges the distinct edges of the rest. */
export function processTrial({ flows, inventory }: ProcessFlows): ProcessTrial {
  const times = flows.map((flow) => Date.parse(flow.time));
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0];
  const cut = first + (last - first) * LEARNED_SHARE;
  const before = flows.filter((_, index) => (times[index] ?? 0) <= cut);
  const after = collectEdges(inventory);
  flows.forEach((flow, index) => {
    if ((times[index] ?? 0) > cut) after.add(flow);
  });
  const result = learn({
    edges: edgesOfFlows(before, inventory),
    inventory,
    tightness: 0.5,
    seed: 1,
    taken: [],
  });
  const { allowed, drifted } = drift({ resources: result.resources, edges: after.edges(), inventory });
  return {
    result,
    later: allowed + drifted.length,
    allowed,
    suspicious: drifted.filter((edge) => edge.class === "suspicious"),
    others: drifted.filter((edge) => edge.class !== "suspicious"),
    rules: result.report.rules.length,
  };
}

/** The bars of process flows: what came later is allowed, or has a name and a reason. */
export function processBars(log: ProcessFlows): readonly Bar[] {
  const trial = processTrial(log);
  return [
    bar("later distinct edges", trial.later, "info", 0, String),
    bar(
      "allowed, or set aside by name as suspicious",
      (trial.allowed + trial.suspicious.length) / trial.later,
      ">=",
      0.9,
      percent,
    ),
    bar("of them allowed", trial.allowed / trial.later, "info", 0, percent),
    bar("rules", trial.rules, "<=", 45, String),
    bar(
      "set aside without a reason in words",
      trial.result.report.setAside.filter(({ words }) => words === "").length,
      "<=",
      0,
      String,
    ),
  ];
}
