/** A whole agent lets the kernel keep quiet about executions that it has judged, and about no others. */
import { Verdict } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openKernel } from "../kernel/kernel.ts";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { ExecHost } from "../testing/exec-host.ts";
import { probeExecGate } from "./probe-gate.ts";

const why = whyNoKernelTests("routine-execs.test.ts") ?? (await probeExecGate()).why;

describe.skipIf(why !== "")("executions that are routine", () => {
  let made: ExecHost;
  const routine = () => {
    const kernel = openKernel(made.host.pinDir);
    const { routineExecs } = kernel.counters();
    kernel.close();
    return routineExecs;
  };
  /** Starts a program; returns whether nobody was told. */
  const isRoutine = async (program: string) => {
    const before = routine();
    await made.host.run([program]);
    return routine() > before;
  };

  beforeAll(async () => {
    made = await ExecHost.start();
  });
  afterAll(() => made.close());

  test("what no policy governs becomes routine once it is known", async () => {
    // A young file is looked at each time; of one that has settled the first start is looked at, the second judged.
    await expect.poll(() => isRoutine(made.listed)).toBe(true);
  });

  test("a policy forgets it, what it allows becomes routine again, and what it denies never does", async () => {
    await made.govern("observe");
    await expect.poll(() => isRoutine(made.listed)).toBe(true);
    for (let i = 0; i < 6; i++) expect(await isRoutine(made.unlisted)).toBe(false);
    const denied = () =>
      made.host.controller.execs
        .flatMap((batch) => batch.execs)
        .filter((exec) => exec.process?.exe === made.unlisted && exec.verdict === Verdict.WOULD_BLOCK)
        .reduce((sum, exec) => sum + Number(exec.count), 0);
    // The sighting aside, each one was told.
    await expect.poll(denied).toBeGreaterThanOrEqual(6);
    await made.govern("alert");
    expect((await made.host.run([made.unlisted])).code).toBe(0);
    expect(await made.record(made.unlisted)).toMatchObject({ verdict: Verdict.WOULD_BLOCK });
  });
});
