/** A whole agent that governs what may be executed on its host. */
import { realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostPolicy } from "@ringwall/policy/lower";
import { type Exec, ExecAction, Verdict } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "../testing/agent-host.ts";
import { ExecMount } from "../testing/exec-mount.ts";
import { hostPolicyOf } from "../testing/host-policy.ts";
import { probeExecGate } from "./probe-gate.ts";

const PYTHON = realpathSync("/usr/bin/python3");
const why = whyNoKernelTests("exec-control.test.ts") ?? (await probeExecGate()).why;

describe.skipIf(why !== "")("exec control", () => {
  let host: AgentHost;
  let mount: ExecMount;
  let listed: string;
  let unlisted: string;
  let script: string;
  let generation = 0n;

  beforeAll(async () => {
    host = await AgentHost.start();
    mount = new ExecMount();
    listed = mount.copy("/bin/echo", "listed");
    unlisted = mount.copy("/usr/bin/env", "unlisted");
    script = host.file("app.py", "print('right script')");
    host.file("other.py", "import time; time.sleep(20)");
    // Older than any process that runs them by more than a clock tick.
    await sleep(30);
    expect(await host.startAgent({ execPaths: [mount.path] })).toBe("ready");
    await until(() => host.status !== undefined);
  });
  afterAll(async () => {
    await host.close();
    mount.close();
  });

  async function until(what: () => boolean | undefined, tries = 1000): Promise<void> {
    for (let i = 0; i < tries; i++) {
      if (what()) return;
      await sleep(20);
    }
    throw new Error(`never came true: ${what}\n${host.log}`);
  }

  async function govern(processes: HostPolicy["modes"]["processes"]): Promise<void> {
    generation++;
    host.provision(
      generation,
      hostPolicyOf({
        modes: { inbound: null, outbound: null, processes },
        run: [{ name: "crm/what may run", software: ["echo", "app"] }],
        software: {
          echo: [{ executable: { sha256: sha256Of(listed) } }],
          app: [{ executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(script) } }],
        },
      }),
    );
    await until(() => host.status?.generation === generation);
    host.controller.execs.length = 0;
  }

  async function record(exe: string): Promise<Exec> {
    const denied = () =>
      host.controller.execs
        .flatMap((batch) => batch.execs)
        .find((exec) => exec.process?.exe === exe && exec.verdict !== Verdict.UNSPECIFIED);
    await until(() => denied() !== undefined);
    const found = denied();
    if (found === undefined) throw new Error("it was there");
    return found;
  }

  test("observe lets everything run and says what it would block", async () => {
    await govern("observe");
    expect((await host.run([unlisted])).code).toBe(0);
    expect(await record(unlisted)).toMatchObject({
      verdict: Verdict.WOULD_BLOCK,
      alert: false,
      action: ExecAction.UNSPECIFIED,
      rule: "",
    });
  });

  test("alert lets it run too, and the record is to raise an alert", async () => {
    await govern("alert");
    expect((await host.run([unlisted])).code).toBe(0);
    expect(await record(unlisted)).toMatchObject({ verdict: Verdict.WOULD_BLOCK, alert: true });
  });

  test("block refuses what no rule allows before it runs", async () => {
    await govern("block");
    const { code, output } = await host.run([unlisted]);
    expect(code).toBe(126);
    expect(output).toMatch(/not permitted|denied/i);
    expect(await record(unlisted)).toMatchObject({
      verdict: Verdict.BLOCKED,
      alert: true,
      action: ExecAction.REFUSED,
      process: { exeSha256: sha256Of(unlisted), user: "root" },
    });
  });

  test("block runs what a rule allows", async () => {
    await govern("block");
    expect(await host.run([listed, "hello"])).toEqual({ code: 0, output: "hello\n" });
    expect(await host.run([PYTHON, script])).toEqual({ code: 0, output: "right script\n" });
  });

  test("block ends an allowed interpreter that runs another script, at its start", async () => {
    await govern("block");
    expect((await host.run([PYTHON, `${host.folder}/other.py`])).code).toBeNull();
    expect(await record(PYTHON)).toMatchObject({
      verdict: Verdict.BLOCKED,
      action: ExecAction.KILLED,
      process: { script: `${host.folder}/other.py` },
    });
  });

  test("block ends what the kernel did not ask about, and what it has forked", async () => {
    await govern("block");
    const started = performance.now();
    const { code } = await host.run(["/usr/bin/perl", "-e", "fork; fork; sleep 30"]);
    expect(code).toBeNull();
    // Its children hold the pipe of its output: it closes when all have ended.
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test("a former policy's verdicts are forgotten", async () => {
    await govern("block");
    expect((await host.run([unlisted])).code).toBe(126);
    await govern("alert");
    expect((await host.run([unlisted])).code).toBe(0);
    await govern("block");
    expect((await host.run([unlisted])).code).toBe(126);
  });

  test("nobody is held up once the agent is gone", async () => {
    await govern("block");
    await host.stopAgent("SIGKILL");
    expect((await host.run([unlisted])).code).toBe(0);
  });
});
