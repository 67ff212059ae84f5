export * from "./host-policy.ts";
export * from "./kernel.ts";
