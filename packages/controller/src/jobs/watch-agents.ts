import type { Logger } from "pino";
import type { Hub } from "../api/agents/hub.ts";
import type { AgentRecord } from "../store/state/fleet.ts";
import type { NewAlert } from "./alerts.ts";

/** Agents report every 15 s, and a report may wait for its answer for 30 s before the next one comes. */
export const AGENT_LOST_MS = 45_000;
export const CHECK_MS = 5_000;
/** A controller that did not look for so long heard nobody either, whoever spoke. */
export const LATE_MS_MAX = 15_000;

type Silent = Pick<AgentRecord, "name" | "lastSeen">;

/**
 * Raises an alert for each agent that was heard once and is silent now, once for each silence. What is left of its
 * connection is given up: the kernel of one that hangs goes on acknowledging, and of a host without power nobody hears.
 */
export function watchAgents(
  fleet: { readonly all: () => readonly Silent[] },
  hub: Pick<Hub, "isConnected" | "disconnect">,
  alert: (alerts: readonly NewAlert[]) => Promise<void>,
  log: Logger,
): { close(): void } {
  const lostOf = createLostAgents(Date.now(), (name) => hub.disconnect(name));
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

/**
 * The agents that are newly lost at each look; remembers whom it has told of. Silence counts from `startedMs` on, or from
 * when the controller went on that had stood still itself.
 */
export function createLostAgents(
  startedMs: number,
  disconnect: (name: string) => void,
): (agents: readonly Silent[], isConnected: (name: string) => boolean, nowMs: number) => readonly NewAlert[] {
  const lost = new Set<string>();
  let sinceMs = startedMs;
  let lookedMs = startedMs;
  return (agents, isConnected, nowMs) => {
    if (nowMs - lookedMs > LATE_MS_MAX) sinceMs = nowMs;
    lookedMs = nowMs;
    const fresh: NewAlert[] = [];
    for (const { name, lastSeen } of agents) {
      if (lastSeen === null) continue;
      // After a start every agent gets the time to come back.
      const silentMs = nowMs - Math.max(lastSeen.getTime(), sinceMs);
      if (silentMs < AGENT_LOST_MS) {
        if (isConnected(name)) lost.delete(name);
        continue;
      }
      disconnect(name);
      if (lost.has(name)) continue;
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
