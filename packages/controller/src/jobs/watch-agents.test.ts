import pino from "pino";
import { expect, it, vi } from "vitest";
import type { NewAlert } from "./alerts.ts";
import { AGENT_LOST_MS, CHECK_MS, createLostAgents, LATE_MS_MAX, watchAgents } from "./watch-agents.ts";

const START = Date.UTC(2026, 10, 20);
const agent = (name: string, lastSeenMs: number | null) => ({
  name,
  lastSeen: lastSeenMs === null ? null : new Date(lastSeenMs),
});
const nobody = () => false;
const all = () => true;

/** Looks as often as the controller does, and once more at the time; what is told by then, and who is disconnected. */
function watching() {
  const disconnected: string[] = [];
  const lostOf = createLostAgents(START, (name) => void disconnected.push(name));
  let nowMs = START;
  const until = (timeMs: number, agents: readonly ReturnType<typeof agent>[], isConnected: typeof nobody) => {
    const told = [];
    while (nowMs < timeMs) {
      nowMs = Math.min(timeMs, nowMs + CHECK_MS);
      told.push(...lostOf(agents, isConnected, nowMs));
    }
    return told;
  };
  const standStill = (ms: number) => {
    nowMs += ms;
  };
  return { until, standStill, disconnected };
}

it("tells of an agent that was heard and went silent, once for each silence", () => {
  const { until } = watching();
  const web = [agent("web-1", START + 1_000)];
  expect(until(START + 1_000 + AGENT_LOST_MS - 1, web, nobody)).toEqual([]);
  expect(until(START + 1_000 + AGENT_LOST_MS, web, nobody)).toEqual([
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
  expect(until(START + 10 * AGENT_LOST_MS, web, nobody)).toEqual([]);
  // It came back, and went again.
  const again = [agent("web-1", START + 11 * AGENT_LOST_MS)];
  expect(until(START + 11 * AGENT_LOST_MS, again, all)).toEqual([]);
  expect(until(START + 13 * AGENT_LOST_MS, again, nobody)).toHaveLength(1);
});

it("gives every agent the time to come back after the controller's own absence, and expects none that never came", () => {
  const { until } = watching();
  const agents = [agent("web-1", START - 86_400_000), agent("never", null)];
  expect(until(START + AGENT_LOST_MS - 1, agents, nobody)).toEqual([]);
  expect(until(START + AGENT_LOST_MS, agents, nobody).map((one) => one.workload)).toEqual(["web-1"]);
});

it("disconnects an agent that says nothing, and tells of it as of one that is away", () => {
  const { until, disconnected } = watching();
  const agents = [agent("hangs", START), agent("well", START + CHECK_MS)];
  expect(until(START + AGENT_LOST_MS - 1, agents, all)).toEqual([]);
  expect(disconnected).toEqual([]);
  expect(until(START + AGENT_LOST_MS, agents, all).map((one) => one.workload)).toEqual(["hangs"]);
  expect(disconnected).toEqual(["hangs"]);
});

it("takes nobody for silent whom it could not hear, as it stood still itself", () => {
  const { until, standStill, disconnected } = watching();
  const agents = [agent("web-1", START)];
  until(START + 2 * CHECK_MS, agents, all);
  standStill(LATE_MS_MAX + AGENT_LOST_MS);
  const wokenMs = START + 3 * CHECK_MS + LATE_MS_MAX + AGENT_LOST_MS;
  expect(until(wokenMs + AGENT_LOST_MS - 1, agents, all)).toEqual([]);
  expect(disconnected).toEqual([]);
  expect(until(wokenMs + AGENT_LOST_MS, agents, all)).toHaveLength(1);
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
    const hub = { isConnected: nobody, disconnect: () => undefined };
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
