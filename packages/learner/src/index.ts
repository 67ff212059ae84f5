export type { DriftClass } from "./drift/classify.ts";
export { type DriftEdge, type DriftInput, type DriftResult, drift } from "./drift/drift.ts";
export type { Replica } from "./drift/replicas.ts";
export * from "./edge.ts";
export { collectEdges, type EdgeCollector, edgesOfFlows } from "./input/edges-of-flows.ts";
export { workloadsOfEdges } from "./input/workloads-of-edges.ts";
export { learn } from "./learn.ts";
export { formatLearned, type LearnedFile } from "./report/files.ts";
export * from "./result.ts";
