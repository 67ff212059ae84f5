import type { Logger } from "pino";
import type { Hub } from "../api/agents/hub.ts";
import type { AgentRecord } from "../store/state/fleet.ts";
import type { NewAlert } from "./alerts.ts";

/** Two missed heartbeats and a reconnection that failed. */
export const AGENT_LOST_MS = 45_000;
const CHECK_MS = 5_000;

type Silent = Pick<AgentRecord, "name" | "lastSeen">;

/** Raises an alert for each agent that was heard once and is silent now, once for each silence. */
export function watchAgents(
  fleet: { readonly all: () => readonly Silent[] },
  hub: Pick<Hub, "isConnected">,
  alert: (alerts: readonly NewAlert[]) => Promise<void>,
  log: Logger,
): { close(): void } {
  const lostOf = createLostAgents(Date.now());
  /** What could not be stored, because the database was away, is told at the next look. */
  let owed: readonly NewAlert[] = [];
  const timer = setInterval(() => {
    const fresh = [...owed, ...lostOf(fleet.all(), (name) => hub.isConnected(name), Date.now())];
    owed = [];
    if (fresh.length === 0) return;
    alert(fresh).catch((error: unknown) => {
      log.error({ err: error }, "alerts of lost agents could not be stored yet");
      owed = [...owed, ...fresh];
    });
  }, CHECK_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

/** The agents that are newly lost at each look; remembers whom it has told of. Silence counts from `startedMs` on. */
export function createLostAgents(
  startedMs: number,
): (agents: readonly Silent[], isConnected: (name: string) => boolean, nowMs: number) => readonly NewAlert[] {
  const lost = new Set<string>();
  return (agents, isConnected, nowMs) => {
    const fresh: NewAlert[] = [];
    for (const { name, lastSeen } of agents) {
      if (isConnected(name)) {
        lost.delete(name);
        continue;
      }
      // After a start every agent gets the time to come back.
      const silentMs = nowMs - Math.max(lastSeen?.getTime() ?? startedMs, startedMs);
      if (lastSeen === null || silentMs < AGENT_LOST_MS || lost.has(name)) continue;
      lost.add(name);
      fresh.push(alertOf(name, lastSeen, nowMs));
    }
    return fresh;
  };
}

function alertOf(name: string, lastSeen: Date, nowMs: number): NewAlert {
  return {
    kind: "agent-lost",
    workload: name,
    message: `the agent of \`${name}\` has not been heard of since ${lastSeen.toISOString()}; what it enforced stays in force there`,
    rule: null,
    timeMs: nowMs,
    count: 1,
  };
}
