export * from "./edge.ts";
export { collectEdges, type EdgeCollector, edgesOfFlows } from "./input/edges-of-flows.ts";
export { workloadsOfEdges } from "./input/workloads-of-edges.ts";
export { learn } from "./learn.ts";
export { formatLearned, type LearnedFile } from "./report/files.ts";
export * from "./result.ts";
