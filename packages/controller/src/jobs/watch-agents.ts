import type { Hub } from "../api/agents/hub.ts";
import type { Fleet } from "../store/state/fleet.ts";
import type { NewAlert } from "./alerts.ts";

/** Two missed heartbeats and a reconnection that failed. */
export const AGENT_LOST_MS = 45_000;
const CHECK_MS = 5_000;

/** Raises an alert for each agent that was heard once and is silent now, once for each silence. */
export function watchAgents(
  fleet: Fleet,
  hub: Hub,
  alert: (alerts: readonly NewAlert[]) => Promise<void>,
): { close(): void } {
  const lost = new Set<string>();
  const startedMs = Date.now();
  const timer = setInterval(() => {
    const nowMs = Date.now();
    const fresh: NewAlert[] = [];
    for (const { name, lastSeen } of fleet.all()) {
      if (hub.isConnected(name)) {
        lost.delete(name);
        continue;
      }
      // After a start every agent gets the time to come back.
      const silentMs = nowMs - Math.max(lastSeen?.getTime() ?? startedMs, startedMs);
      if (lastSeen === null || silentMs < AGENT_LOST_MS || lost.has(name)) continue;
      lost.add(name);
      fresh.push({
        kind: "agent-lost",
        workload: name,
        message: `the agent of \`${name}\` has not been heard of since ${lastSeen.toISOString()}; what it enforced stays in force there`,
        rule: null,
        timeMs: nowMs,
        count: 1,
      });
    }
    if (fresh.length > 0) void alert(fresh);
  }, CHECK_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
