export * from "./common.ts";
export * from "./drill.ts";
export * from "./learning.ts";
export * from "./requests.ts";
export * from "./shadow.ts";
export * from "./views.ts";
