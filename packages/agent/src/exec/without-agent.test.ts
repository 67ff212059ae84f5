/** What holds when the agent is gone, and what a kernel with LSM refuses by itself. */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ExecAction } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agentStatus } from "../index.ts";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { ExecHost, PYTHON } from "../testing/exec-host.ts";
import { probeExecGate } from "./probe-gate.ts";

const why = whyNoKernelTests("without-agent.test.ts") ?? (await probeExecGate()).why;
/** The kernel takes the agent for gone when it has been silent for 5 s. */
const SILENCE_MS = 6000;

describe.skipIf(why !== "")("executions and the end of the agent", () => {
  let made: ExecHost;
  let level: string | undefined;
  const run = (...argv: readonly string[]) => made.host.run(argv);

  beforeAll(async () => {
    made = await ExecHost.start();
    level = (await agentStatus(made.host)).enforced?.capabilities.level;
  });
  afterAll(() => made.close());

  test("a host says its level, and what that means", async () => {
    const told = JSON.parse(made.host.status?.capabilities ?? "{}");
    expect(told.level).toBe(level);
    const isStatic = told.features.find((one: { name: string }) => one.name === "refuse-exec-static");
    expect(isStatic.available).toBe(level === "lsm");
    expect(isStatic.available || isStatic.why !== "").toBe(true);
  });

  test("with LSM changes of a trusted executable are refused at once, and told with who tried", async ({
    skip,
  }) => {
    if (level !== "lsm") return skip("this kernel has no LSM programs");
    await made.govern("block");
    expect((await run(made.listed)).code).toBe(0);
    // What may run here is Python; it must not be able to change what is trusted.
    const change = made.host.file(
      "app.py",
      `
import os, sys
for what in (lambda: open("${made.listed}", "ab"), lambda: os.truncate("${made.listed}", 0),
             lambda: os.rename("${made.listed}", "${made.listed}.old"), lambda: os.unlink("${made.listed}")):
    try: what(); print("changed")
    except PermissionError: print("refused")
`,
    );
    await sleep(30);
    await made.govern("block");
    expect((await run(PYTHON, change)).output).toBe("refused\n".repeat(4));
    expect(await made.tampering(made.listed)).toMatchObject({
      refused: true,
      process: { exe: PYTHON, script: change },
    });
    expect((await run(made.listed)).code).toBe(0);
  });

  test("with LSM what may be executed stays enforced; without, nobody is held up", async () => {
    await made.govern("block");
    expect((await run(made.listed)).code).toBe(0);
    await made.host.stopAgent("SIGKILL");
    await sleep(SILENCE_MS);
    expect((await run(made.listed)).code).toBe(0);
    expect((await run(made.unlisted)).code).toBe(level === "lsm" ? 126 : 0);
  });

  test("the next agent starts, and goes on", async () => {
    await made.startAgent();
    expect((await run(made.unlisted)).code).toBe(126);
    expect(await made.record(made.unlisted)).toMatchObject({ action: ExecAction.REFUSED });
    expect((await run(made.listed)).code).toBe(0);
  });

  test("outside of its control group anybody may change anything", () => {
    appendFileSync(made.listed, "x");
  });
});
