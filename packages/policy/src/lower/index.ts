export * from "./host-policy.ts";
export {
  createInterpreter,
  interpret,
  type KernelAnswer,
  type KernelQuery,
  type KernelTables,
} from "./interpret.ts";
export * from "./kernel.ts";
export { type LoweredHost, lowerHost } from "./lower-host.ts";
export { matchSoftware } from "./match-software.ts";
