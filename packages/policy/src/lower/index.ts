export * from "./host-policy.ts";
export * from "./kernel.ts";
export { matchSoftware } from "./match-software.ts";
