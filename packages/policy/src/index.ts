export { type CompileOptions, compileHost, createHostCompiler } from "./compile/host.ts";
export * from "./lower/index.ts";
export type { Truth } from "./lower/match-software.ts";
export * from "./policy-set/essential.ts";
export * from "./policy-set/inventory.ts";
export * from "./policy-set/policy-set.ts";
export { type DecideOptions, decide } from "./spec/decide.ts";
export { formatResources } from "./syntax/format.ts";
export { type PolicyFile, parsePolicy } from "./syntax/parse.ts";
