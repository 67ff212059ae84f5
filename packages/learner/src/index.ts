export * from "./edge.ts";
export { collectEdges, type EdgeCollector, edgesOfFlows } from "./input/edges-of-flows.ts";
export { learn } from "./learn.ts";
export * from "./result.ts";
