/** One gate, whatever happens to it and however fast policies follow each other. */
import { execFile, execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { ExecMount } from "../testing/exec-mount.ts";
import { gatesOf } from "../testing/gates-of.ts";
import { createGateKeeper, type GateKeeper } from "./gate-keeper.ts";
import { probeExecGate } from "./probe-gate.ts";

const why = whyNoKernelTests("gate-keeper.test.ts") ?? (await probeExecGate()).why;
/** More than it takes until a gate is started again. */
const RESTARTED_MS = 2000;

describe.skipIf(why !== "")("a gate that is kept open", () => {
  let mount: ExecMount;
  let keeper: GateKeeper;
  let problems: string[];
  let allow: boolean;
  const gates = () => gatesOf(process.pid);

  beforeEach(() => {
    mount = new ExecMount();
    problems = [];
    allow = true;
    keeper = createGateKeeper({
      scope: "",
      paths: [mount.path],
      onAsk: async () => ({ allow, keep: true }),
      onDenied: () => undefined,
      onExpired: () => undefined,
      onUnmarked: () => undefined,
      onProblem: (problem) => problems.push(problem),
    });
  });
  afterEach(async () => {
    await keeper.close();
    mount.close();
  });

  async function killGate(): Promise<void> {
    const [gate] = gates();
    const heard = problems.length + 1;
    process.kill(gate ?? 0, "SIGKILL");
    await expect.poll(() => problems).toHaveLength(heard);
  }

  test("is started again when it ended by itself, and says so", async () => {
    await keeper.keep(false);
    await killGate();
    expect(problems).toEqual(["the gate for executions has ended: SIGKILL; it is started again"]);
    await expect.poll(gates).toHaveLength(1);
  });

  test("is one, though a policy came between the end of one and its restart", async () => {
    await keeper.keep(false);
    await killGate();
    await keeper.keep(false);
    await sleep(RESTARTED_MS);
    expect(gates()).toHaveLength(1);
    await keeper.close();
    expect(gates()).toEqual([]);
  });

  test("is one, though policies come while it opens, and the last of them holds", async () => {
    const program = mount.copy("/bin/true", "program");
    const run = () => promisify(execFile)("/bin/sh", ["-c", '"$0"; exit $?', program]);
    allow = false;
    await Promise.all([keeper.keep(false), keeper.keep(true), keeper.forget(), keeper.keep(false)]);
    expect(gates()).toHaveLength(1);
    await expect(run()).rejects.toThrow();
    allow = true;
    await keeper.forget();
    await run();
  });

  test("is none, though it was still opening when it was closed, or about to be started again", async () => {
    await Promise.all([keeper.keep(false), keeper.close()]);
    expect(gates()).toEqual([]);
    await keeper.keep(false);
    await killGate();
    await keeper.close();
    await sleep(RESTARTED_MS);
    expect(gates()).toEqual([]);
  });

  test("comes when there are descriptors again, where there were none to start it", async () => {
    const freed = useAllDescriptors();
    try {
      await keeper.keep(false);
      expect(problems).toEqual([
        expect.stringMatching(/^the gate for executions has ended: spawn .* EMFILE; it is started again$/),
      ]);
    } finally {
      freed();
    }
    await expect.poll(gates).toHaveLength(1);
  });
});

/** Returns what gives them back. */
function useAllDescriptors(): () => void {
  const used = readdirSync("/proc/self/fd").length;
  const limit = (soft: string) =>
    execFileSync("prlimit", ["--pid", String(process.pid), `--nofile=${soft}:`]);
  const before = execFileSync("prlimit", ["--pid", String(process.pid), "-n", "-o", "SOFT", "--noheadings"]);
  limit(String(used + 100));
  const opened: number[] = [];
  try {
    for (;;) opened.push(openSync("/dev/null", "r"));
  } catch {
    return () => {
      opened.forEach((file) => {
        closeSync(file);
      });
      limit(String(before).trim());
    };
  }
}
