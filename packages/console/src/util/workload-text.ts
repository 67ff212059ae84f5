import type { WorkloadView } from "../api/types.ts";

/** Without the labels that every workload has from Ringwall itself. */
export function formatLabels(workload: WorkloadView): string {
  return Object.entries(workload.labels)
    .filter(([key]) => !key.startsWith("ringwall.dev/"))
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

/** The generation in force, and the one that should be where that is another. */
export function formatGeneration(agent: NonNullable<WorkloadView["agent"]>): string {
  const { generation, generationWanted } = agent;
  return generation === generationWanted ? `${generation}` : `${generation} of ${generationWanted}`;
}

/** A pause by hand is what a person has to see first. */
export function problemOf(agent: WorkloadView["agent"]): string {
  if (agent === null) return "";
  const paused = agent.pausedUntil === null ? [] : [`PAUSED: nothing is refused until ${agent.pausedUntil}`];
  return [...paused, agent.problem].filter((one) => one !== "").join("; ");
}
