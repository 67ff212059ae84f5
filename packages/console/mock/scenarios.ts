import { fleet } from "./fleet.ts";
import { nothing, oneHost } from "./one-host.ts";
import { threeTier } from "./three-tier.ts";
import type { MockState } from "./types.ts";

/** Seconds a pending change of the mock waits for its confirmation. */
const PENDING_SECONDS = 60;

const scenarios = {
  "three-tier": threeTier,
  "one-host": oneHost,
  empty: nothing,
  pending: pending,
  "signed-out": (now: number): MockState => ({ ...nothing(now), signedIn: false }),
  medium: (now: number) => fleet(60, now),
  large: (now: number) => fleet(10_000, now),
} as const;

export type MockScenario = keyof typeof scenarios;

export const scenarioNames = Object.keys(scenarios);

export function isMockScenario(name: string): name is MockScenario {
  return Object.hasOwn(scenarios, name);
}

/** `now` in milliseconds since 1970: everything the scenario dates is relative to it. */
export function startMockState(scenario: MockScenario, now: number): MockState {
  return scenarios[scenario](now);
}

/** A change that cuts a segment off, waiting for somebody to say that it is fine. */
function pending(now: number): MockState {
  const base = threeTier(now);
  const [first, ...others] = base.workloads;
  if (first?.agent == null) throw new Error("bug: the three-tier scenario starts with a managed workload");
  return {
    ...base,
    status: {
      ...base.status,
      revision: 7,
      generation: 15,
      agents: { connected: 6, enrolled: 7, behind: 1, awaited: 0 },
      pending: {
        revision: 7,
        generation: 15,
        deadline: new Date(now + PENDING_SECONDS * 1000).toISOString(),
        what: "mode shop-app block",
      },
    },
    workloads: [
      {
        ...first,
        agent: { ...first.agent, connected: false, generationWanted: 15, problem: "no heartbeat for 40 s" },
      },
      ...others,
    ],
  };
}
