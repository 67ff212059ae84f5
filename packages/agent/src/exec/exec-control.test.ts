/** A whole agent that governs what may be executed on its host. */
import { cpSync, renameSync } from "node:fs";
import { ExecAction, Verdict } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { sha256Of } from "../testing/agent-host.ts";
import { ExecHost, PYTHON } from "../testing/exec-host.ts";
import { gatesOf } from "../testing/gates-of.ts";
import { probeExecGate } from "./probe-gate.ts";

const why = whyNoKernelTests("exec-control.test.ts") ?? (await probeExecGate()).why;

describe.skipIf(why !== "")("exec control", () => {
  let made: ExecHost;
  const run = (...argv: readonly string[]) => made.host.run(argv);

  const agentPid = () => made.host.agent?.pid ?? 0;

  function hangGates(): readonly number[] {
    const gates = gatesOf(agentPid());
    expect(gates).toHaveLength(1);
    for (const gate of gates) process.kill(gate, "SIGSTOP");
    return gates;
  }

  beforeAll(async () => {
    made = await ExecHost.start();
  });
  afterAll(() => made.close());

  test("observe lets everything run and says what it would block", async () => {
    await made.govern("observe");
    expect((await run(made.unlisted)).code).toBe(0);
    expect(await made.record(made.unlisted)).toMatchObject({
      verdict: Verdict.WOULD_BLOCK,
      alert: false,
      action: ExecAction.UNSPECIFIED,
      rule: "",
    });
  });

  test("alert lets it run too, and the record is to raise an alert", async () => {
    await made.govern("alert");
    expect((await run(made.unlisted)).code).toBe(0);
    expect(await made.record(made.unlisted)).toMatchObject({ verdict: Verdict.WOULD_BLOCK, alert: true });
  });

  test("block refuses what no rule allows before it runs", async () => {
    await made.govern("block");
    const { code, output } = await run(made.unlisted);
    expect(code).toBe(126);
    expect(output).toMatch(/not permitted|denied/i);
    expect(await made.record(made.unlisted)).toMatchObject({
      verdict: Verdict.BLOCKED,
      alert: true,
      action: ExecAction.REFUSED,
      process: { exeSha256: sha256Of(made.unlisted), user: "root" },
    });
  });

  test("block runs what a rule allows", async () => {
    await made.govern("block");
    expect(await run(made.listed, "hello")).toEqual({ code: 0, output: "hello\n" });
    expect(await run(PYTHON, made.script)).toEqual({ code: 0, output: "right script\n" });
  });

  test("block ends an allowed interpreter that runs another script, at its start", async () => {
    await made.govern("block");
    const other = `${made.host.folder}/other.py`;
    expect((await run(PYTHON, other)).code).toBeNull();
    expect(await made.record(PYTHON)).toMatchObject({
      verdict: Verdict.BLOCKED,
      action: ExecAction.KILLED,
      process: { script: other },
    });
  });

  test("block ends what the kernel did not ask about, and what it has forked", async () => {
    await made.govern("block");
    // Its children hold the pipe of its output: it closes when all have ended, which is long before they would.
    const { code } = await run("/usr/bin/perl", "-e", "fork; fork; sleep 600");
    expect(code).toBeNull();
  });

  test("a former policy's verdicts are forgotten", async () => {
    await made.govern("block");
    expect((await run(made.unlisted)).code).toBe(126);
    await made.govern("alert");
    expect((await run(made.unlisted)).code).toBe(0);
    await made.govern("block");
    expect((await run(made.unlisted)).code).toBe(126);
  });

  test("a trusted executable whose content was replaced is told of", async () => {
    await made.govern("alert");
    const before = sha256Of(made.listed);
    await run(made.listed);
    // Watched from the moment its execution was judged; what follows it is judged later.
    await run(made.unlisted);
    await made.record(made.unlisted);
    cpSync("/bin/false", `${made.listed}.new`);
    renameSync(`${made.listed}.new`, made.listed);
    expect(await made.tampering(made.listed)).toMatchObject({
      sha256Before: before,
      sha256After: sha256Of("/bin/false"),
      refused: false,
    });
  });

  test("a policy comes into force though the gate hangs, and another gate is there", async () => {
    await made.govern("block");
    const hanging = hangGates();
    await made.govern("block");
    expect(gatesOf(agentPid())).toHaveLength(1);
    expect(gatesOf(agentPid())).not.toEqual(hanging);
    expect((await run(made.unlisted)).code).toBe(126);
  });

  test("the agent ends though the gate hangs", async () => {
    hangGates();
    await made.host.stopAgent("SIGTERM");
    expect(made.host.agent?.exitCode).toBe(0);
  });
});
