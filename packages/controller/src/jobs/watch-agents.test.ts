import pino from "pino";
import { expect, it, vi } from "vitest";
import type { NewAlert } from "./alerts.ts";
import { AGENT_LOST_MS, createLostAgents, watchAgents } from "./watch-agents.ts";

const START = Date.UTC(2026, 10, 20);
const agent = (name: string, lastSeenMs: number | null) => ({
  name,
  lastSeen: lastSeenMs === null ? null : new Date(lastSeenMs),
});
const nobody = () => false;

it("tells of an agent that was heard and went silent, once for each silence", () => {
  const lostOf = createLostAgents(START);
  const web = [agent("web-1", START + 1_000)];
  expect(lostOf(web, nobody, START + 1_000 + AGENT_LOST_MS - 1)).toEqual([]);
  expect(lostOf(web, nobody, START + 1_000 + AGENT_LOST_MS)).toEqual([
    {
      kind: "agent-lost",
      workload: "web-1",
      message:
        "the agent of `web-1` has not been heard of since 2026-11-20T00:00:01.000Z; what it enforced stays in force there",
      rule: null,
      timeMs: START + 1_000 + AGENT_LOST_MS,
      count: 1,
    },
  ]);
  expect(lostOf(web, nobody, START + 10 * AGENT_LOST_MS)).toEqual([]);
  // It came back, and went again.
  expect(lostOf(web, () => true, START + 11 * AGENT_LOST_MS)).toEqual([]);
  expect(lostOf(web, nobody, START + 12 * AGENT_LOST_MS)).toHaveLength(1);
});

it("gives every agent the time to come back after the controller's own absence, and expects none that never came", () => {
  const lostOf = createLostAgents(START);
  const agents = [agent("web-1", START - 86_400_000), agent("never", null)];
  expect(lostOf(agents, nobody, START + AGENT_LOST_MS - 1)).toEqual([]);
  expect(lostOf(agents, nobody, START + AGENT_LOST_MS).map((one) => one.workload)).toEqual(["web-1"]);
});

it("tells it later where it could not be stored", async () => {
  vi.useFakeTimers();
  try {
    const web = [agent("web-1", Date.now())];
    const stored: (string | null)[] = [];
    let isAway = true;
    const alert = async (alerts: readonly NewAlert[]) => {
      if (isAway) throw new Error("the database is away");
      stored.push(...alerts.map(({ workload }) => workload));
    };
    const hub = { isConnected: nobody };
    const watch = watchAgents({ all: () => web }, hub, alert, pino({ level: "silent" }));
    await vi.advanceTimersByTimeAsync(3 * AGENT_LOST_MS);
    isAway = false;
    await vi.advanceTimersByTimeAsync(AGENT_LOST_MS);
    watch.close();
    expect(stored).toEqual(["web-1"]);
  } finally {
    vi.useRealTimers();
  }
});
