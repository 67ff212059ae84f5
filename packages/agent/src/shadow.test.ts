/** The shadow of a draft through the whole agent: offered, counted, kept over restarts and switches, ended. */
import { setTimeout as sleep } from "node:timers/promises";
import type { HostPolicy } from "@ringwall/policy/lower";
import { type ShadowReport, Verdict } from "@ringwall/protocol/agent";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { CONNECT, PYTHON } from "./testing/connecting.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";

const HOUR_S = 3600;

describe.skipIf(whyNoKernelTests("shadow.test.ts") !== undefined)("the shadow of a draft on a host", () => {
  let host: AgentHost;
  let script: string;

  beforeEach(async () => {
    host = await AgentHost.start();
    script = host.file("app.py", CONNECT);
    // Older than any process that runs it by more than a clock tick.
    await sleep(30);
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
  });
  afterEach(() => host.close());

  async function until(what: () => boolean | undefined): Promise<void> {
    for (let i = 0; i < 3000; i++) {
      if (what()) return;
      await sleep(20);
    }
    const seen = JSON.stringify(host.controller.shadows.at(-1), (_k, v) =>
      typeof v === "bigint" ? String(v) : v,
    );
    throw new Error(`never came true: ${what}\n${host.log}\n${seen}`);
  }

  const allowing = (name: string): HostPolicy =>
    hostPolicyOf(
      allowSoftware(name, {
        executable: { sha256: sha256Of(PYTHON) },
        script: { sha256: sha256Of(script) },
      }),
    );
  async function enforce(generation: bigint, policy: HostPolicy): Promise<void> {
    host.provision(generation, policy);
    await until(() => host.status?.generation === generation);
  }
  const knock = async () => (await host.run([PYTHON, script, String(host.port)])).output;
  const last = (): ShadowReport | undefined => host.controller.shadows.at(-1);
  /** What the last report says of our program. */
  const rows = () => {
    const report = last();
    return (report?.port ?? []).flatMap((port, row) => {
      const rule = (column: readonly number[] | undefined) => report?.rules[(column?.[row] ?? 0) - 1] ?? "";
      const process = report?.processes[(report.process[row] ?? 0) - 1]?.script;
      return process === script && port === host.port
        ? [
            {
              live: report?.liveVerdict[row],
              liveRule: rule(report?.liveRule),
              draft: report?.draftVerdict[row],
              draftRule: rule(report?.draftRule),
              count: Number(report?.count[row]),
            },
          ]
        : [];
    });
  };

  test("counts what the draft would have refused, over a killed agent and a switch, until it is stopped", async () => {
    await enforce(1n, allowing("app"));
    host.startShadow(1n, hostPolicyOf(), HOUR_S);
    await until(() => last()?.running === true);
    expect(await knock()).toBe("connected\n");
    const denied = { live: Verdict.ALLOWED, draft: Verdict.BLOCKED, draftRule: "" };
    const first = { ...denied, liveRule: "test/app may connect", count: 1 };
    await until(() => rows().length > 0);
    expect(rows()).toEqual([first]);

    await host.stopAgent("SIGKILL");
    expect(await host.startAgent()).toBe("ready");
    expect(await knock()).toBe("connected\n");
    await until(() => rows()[0]?.count === 2);

    // Rules carry other names under another revision; what was counted before keeps the former ones.
    await enforce(2n, allowing("renamed"));
    expect(await knock()).toBe("connected\n");
    await until(() => rows().length === 2);
    const second = { ...denied, liveRule: "test/renamed may connect", count: 1 };
    expect(rows()).toEqual([{ ...first, count: 2 }, second]);

    host.controller.send({
      case: "shadowStop",
      value: { $typeName: "ringwall.agent.v1.ShadowStop", run: 1n },
    });
    await until(() => last()?.running === false);
    expect(rows()).toEqual([{ ...first, count: 2 }, second]);
    expect(last()?.met).toBeGreaterThanOrEqual(3n);
  });

  test("ends by itself when its time is over, and leaves the live policy alone", async () => {
    await enforce(1n, hostPolicyOf());
    host.startShadow(3n, allowing("app"), 5);
    await until(() => host.log.includes("a draft is judged by"));
    expect(await knock()).toContain("refused");
    await until(() => last()?.running === false);
    expect(rows()).toEqual([
      {
        live: Verdict.BLOCKED,
        liveRule: "",
        draft: Verdict.ALLOWED,
        draftRule: "test/app may connect",
        count: 1,
      },
    ]);
    expect(await knock()).toContain("refused");
  });

  test("the draft of another host is refused by name, and the one that runs goes on", async () => {
    host.startShadow(4n, hostPolicyOf(), HOUR_S);
    await until(() => last()?.running === true);
    host.startShadow(5n, hostPolicyOf({ workload: "db-1" }), HOUR_S);
    await until(() => host.log.includes("no shadow of a draft here"));
    expect(host.log).toContain("the draft is that of `db-1`, this host is `web-1`");
    expect(last()).toMatchObject({ run: 4n, running: true });
  });
});
