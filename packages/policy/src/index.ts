export { type CheckOptions, checkPolicy } from "./check/check.ts";
export { PROBLEM_CODES, type ProblemCode } from "./check/codes.ts";
export { type CompiledFrom, changedHosts } from "./compile/changed-hosts.ts";
export { type CompileOptions, compileHost, createHostCompiler } from "./compile/host.ts";
export { createSegmentsOf } from "./compile/segments-of.ts";
export { createDecider, type Decider } from "./decider/decider.ts";
export { type Change, diffPolicies, type PolicyDiff } from "./diff/diff.ts";
export { decideExec, type ExecVerdict } from "./exec/decide-exec.ts";
export { type Explanation, explain } from "./explain/explain.ts";
export {
  type Exported,
  formatFidelity,
  type RuleFidelity,
} from "./export/fidelity.ts";
export { exportKubernetes } from "./export/kubernetes.ts";
export { exportNftables } from "./export/nftables.ts";
export { exportAwsSecurityGroups, exportTerraform } from "./export/security-groups.ts";
export type { Parsers } from "./flow-lines/known-parts.ts";
export { createLinePlayer, type LinePlayer } from "./flow-lines/play-lines.ts";
export { importKubernetes } from "./import/kubernetes/import.ts";
export * from "./lower/index.ts";
export type { Truth } from "./lower/match-software.ts";
export * from "./policy-set/essential.ts";
export * from "./policy-set/inventory.ts";
export { listOf, selectsWorkload } from "./policy-set/labels.ts";
export { combineModes, modesOf, type WorkloadModes } from "./policy-set/modes.ts";
export { nearestName } from "./policy-set/nearest-name.ts";
export { nextTimeChangeMs } from "./policy-set/next-time-change.ts";
export * from "./policy-set/policy-set.ts";
export { type CounterExample, type Proof, prove } from "./prove/prove.ts";
export { createSimulation, type Player, type SimulateOptions, simulate } from "./simulate/simulate.ts";
export type { EdgeChange, Simulation, Totals } from "./simulate/simulation.ts";
export { type DecideOptions, decide } from "./spec/decide.ts";
export { essentialProblems } from "./syntax/essential-problems.ts";
export { formatResources } from "./syntax/format.ts";
export { type PolicyFile, parsePolicy } from "./syntax/parse.ts";
export { parseEssential } from "./syntax/parse-essential.ts";
export { type RefusedLine, recordProblem } from "./syntax/record-problem.ts";
