import type { Agent, CarriedAgents } from "../wire.ts";

/** The agents of what a host carries, by the number that the kernel knows each by, and by the containers within. */
export type CarriedRegistry = CarriedAgents & {
  readonly add: (workload: number, containers: readonly string[], agent: Agent) => void;
  readonly remove: (workload: number) => void;
};

export function createCarriedAgents(): CarriedRegistry {
  const agents = new Map<number, Agent>();
  const workloads = new Map<string, number>();
  return {
    all: () => agents.values(),
    ofWorkload: (workload) => agents.get(workload),
    ofContainer: (container) => (container === null ? undefined : agents.get(workloads.get(container) ?? 0)),
    meet: (workload, container) => {
      const agent = agents.get(workload);
      if (agent !== undefined && container !== null) workloads.set(container, workload);
      return agent;
    },
    add: (workload, containers, agent) => {
      agents.set(workload, agent);
      for (const container of containers) workloads.set(container, workload);
    },
    remove: (workload) => {
      agents.delete(workload);
      for (const [container, whose] of workloads) if (whose === workload) workloads.delete(container);
    },
  };
}
