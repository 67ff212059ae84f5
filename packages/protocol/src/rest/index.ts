export * from "./common.ts";
export * from "./requests.ts";
export * from "./views.ts";
