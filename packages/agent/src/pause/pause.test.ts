/** `ringwall agent pause` with a whole agent: by hand, through the controller, with nobody there, on a full disk. */
import { setTimeout as sleep } from "node:timers/promises";
import { PAUSE_SECONDS_MAX as KNOWN_MAX } from "@ringwall/protocol/agent";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AgentError } from "../agent-error.ts";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { agentStatus, formatAgentStatus } from "../status.ts";
import { AgentHost, sha256Of } from "../testing/agent-host.ts";
import { CONNECT, PYTHON } from "../testing/connecting.ts";
import { allowSoftware, hostPolicyOf } from "../testing/host-policy.ts";
import { pauseAgent } from "./pause-agent.ts";
import { PAUSE_SECONDS_MAX } from "./set-pause.ts";

test("agent, controller and kernel know the same longest pause", () => {
  expect(KNOWN_MAX).toBe(PAUSE_SECONDS_MAX);
});

describe.skipIf(whyNoKernelTests("pause.test.ts") !== undefined)("a pause of the whole agent", () => {
  let host: AgentHost;
  let stranger: string;

  beforeEach(async () => {
    host = await AgentHost.start();
    const known = host.file("app.py", CONNECT);
    stranger = host.file("stranger.py", `${CONNECT}# another one`);
    await sleep(30);
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    const entry = { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(known) } };
    host.provision(1n, hostPolicyOf(allowSoftware("app", entry)));
    await until(() => host.status?.generation === 1n);
  });
  afterEach(() => host.close());

  async function until(what: () => unknown, tries = 3000): Promise<void> {
    for (let i = 0; i < tries; i++) {
      if (what()) return;
      await sleep(20);
    }
    throw new Error(`never came true: ${what}\n${host.log}`);
  }
  const reach = async () => (await host.run([PYTHON, stranger, String(host.port)])).output.trim();

  test("by hand it lets everything through, shows in the status, reaches the audit, and ends on demand", async () => {
    expect(await reach()).toContain("refused");
    const { untilMs, audited } = await pauseAgent(host, { seconds: 900, reason: "fire" });
    expect([audited, untilMs > Date.now()]).toEqual([true, true]);
    expect(await reach()).toBe("connected");
    await until(() => host.controller.actions.length === 1);
    expect(host.controller.actions[0]).toMatchObject({
      what: "pause",
      reason: "fire",
      untilMs: BigInt(untilMs),
    });
    await until(() => (host.status?.pausedUntilMs ?? 0n) > 0n);
    const status = await agentStatus(host);
    expect(status.enforced?.pausedMs).toBeGreaterThan(0);
    expect(formatAgentStatus(status)).toContain("PAUSED");
    await pauseAgent(host, { seconds: 0, reason: "" });
    expect(await reach()).toContain("refused");
    await until(() => host.controller.actions.length === 2);
    expect(host.controller.actions[1]).toMatchObject({ what: "resume" });
    await until(() => host.status?.pausedUntilMs === 0n);
  });

  test("through the controller, without an action of the host's own", async () => {
    host.controller.send({ case: "pause", value: { $typeName: "ringwall.agent.v1.Pause", seconds: 600 } });
    await until(() => host.log.includes("enforcement is paused"));
    expect(await reach()).toBe("connected");
    host.controller.send({ case: "pause", value: { $typeName: "ringwall.agent.v1.Pause", seconds: 0 } });
    await until(() => host.log.includes("enforcement is back"));
    expect(await reach()).toContain("refused");
    expect(host.controller.actions).toEqual([]);
  });

  test("with the agent dead it begins, and ends by itself; the audit hears of it from the next agent", async () => {
    await host.stopAgent("SIGKILL");
    await pauseAgent(host, { seconds: 4, reason: "nobody there" });
    expect((await agentStatus(host)).enforced?.pausedMs).toBeGreaterThan(0);
    await sleep(4100);
    expect((await agentStatus(host)).enforced?.pausedMs).toBe(0);
    expect(await reach()).toContain("refused");
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.actions.length === 1);
    await sleep(1500);
    expect(host.controller.actions).toMatchObject([{ what: "pause", reason: "nobody there" }]);
  });

  test("longer than the longest is refused, with what to do", async () => {
    const order = pauseAgent(host, { seconds: PAUSE_SECONDS_MAX + 1, reason: "" });
    await expect(order).rejects.toThrow(AgentError);
    expect(await reach()).toContain("refused");
  });
});
