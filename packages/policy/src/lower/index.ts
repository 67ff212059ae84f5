export { isDebugger, isEssentialExec } from "./essential-execs.ts";
export * from "./host-policy.ts";
export {
  createInterpreter,
  interpret,
  type KernelAnswer,
  type KernelQuery,
  type KernelTables,
} from "./interpret.ts";
export { createExecJudge, type ExecDecision, type ExecJudge, type StartedFile } from "./judge-exec.ts";
export * from "./kernel.ts";
export { type LoweredHost, lowerHost } from "./lower-host.ts";
export { matchSoftware } from "./match-software.ts";
export { type NamedAddress, namePatterns, withNames } from "./with-names.ts";
