import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AGENT_NICE } from "./raise-priority.ts";
import { AgentHost } from "./testing/agent-host.ts";
import { hostPolicyOf } from "./testing/host-policy.ts";

const PYTHON = realpathSync("/usr/bin/python3");
const AGAIN = `
import socket, sys, time
refused = 0
for _ in range(40):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=8).close()
    except OSError:
        refused += 1
    time.sleep(0.1)
print(refused, "refused")
`;

describe.skipIf(whyNoKernelTests("agent-load.test.ts") !== undefined)("an agent with much to do", () => {
  let host: AgentHost;
  beforeEach(async () => {
    host = await AgentHost.start();
  });
  afterEach(() => host.close());

  async function until(what: () => boolean | undefined): Promise<void> {
    for (let i = 0; i < 3000 && !what(); i++) await sleep(20);
    expect(what()).toBe(true);
  }

  test("tells of what is refused again and again about once a second, and of all of it", async () => {
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    host.provision(1n, hostPolicyOf());
    await until(() => host.status?.generation === 1n);
    const other = host.file("again.py", AGAIN);
    await sleep(30);
    const begun = performance.now();
    expect((await host.run([PYTHON, other, String(host.port)])).output).toBe("40 refused\n");
    const seconds = (performance.now() - begun) / 1000;
    const batches = () =>
      host.controller.flows.flatMap((batch) => {
        const rows = batch.verdict.flatMap((verdict, row) => (verdict === 3 ? [batch.count[row] ?? 0n] : []));
        return rows.length === 0 ? [] : [rows.reduce((sum, count) => sum + count)];
      });
    await until(() => batches().reduce((sum, count) => sum + count, 0n) === 40n);
    // One by the clock and one for the refusals in each second, and what the first and the last are part of.
    expect(batches().length).toBeLessThanOrEqual(2 * seconds + 3);
  });

  test("all its threads have their turn before what keeps the machine busy", async () => {
    expect(await host.startAgent()).toBe("ready");
    const tasks = `/proc/${host.agent?.pid}/task`;
    // proc(5): after the name in brackets the state is the first, so the nice value the 17th.
    const nice = readdirSync(tasks).map((thread) =>
      Number(readFileSync(`${tasks}/${thread}/stat`, "utf8").split(") ")[1]?.split(" ")[16]),
    );
    expect(nice.length).toBeGreaterThan(3);
    expect(new Set(nice)).toEqual(new Set([AGENT_NICE]));
  });
});
