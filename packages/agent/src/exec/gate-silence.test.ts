/** A gate and an agent of which one does not listen: the other does not wait for ever, and loses nothing it waits for. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { ExecMount } from "../testing/exec-mount.ts";
import { gatesOf, lettingAll } from "../testing/gates-of.ts";
import { type Gate, startGate } from "./gate-process.ts";
import { GATE_PATH, probeExecGate } from "./probe-gate.ts";

const why = whyNoKernelTests("gate-silence.test.ts") ?? (await probeExecGate()).why;
/** More than what a gate may take. */
const BUSY_MS = 6000;
/** What it said before it was stopped has been read by then. */
const SAID_MS = 500;

describe.skipIf(why !== "")("a gate and an agent that do not listen", () => {
  let mount: ExecMount;
  beforeAll(() => {
    mount = new ExecMount();
  });
  afterAll(() => mount.close());

  /** With its process, and how it ended by itself. */
  function start(): { readonly gate: Gate; readonly pid: number; readonly ends: readonly string[] } {
    const before = gatesOf(process.pid);
    const ends: string[] = [];
    const gate = startGate(lettingAll([mount.path], ends));
    const pid = gatesOf(process.pid).find((one) => !before.includes(one));
    if (pid === undefined) throw new Error("no gate was started");
    return { gate, pid, ends };
  }

  /** One that was stopped before it had said that it is ready. */
  async function startStopped(): Promise<ReturnType<typeof start>> {
    for (;;) {
      const one = start();
      process.kill(one.pid, "SIGSTOP");
      const isReady = one.gate.ready.then(() => true);
      if (!(await Promise.race([isReady, sleep(SAID_MS, false)]))) return one;
      process.kill(one.pid, "SIGCONT");
      await one.gate.stop();
    }
  }

  test("the gate tells of each `forget`, though nobody listens until there is no room left", async () => {
    const gate = spawn(GATE_PATH, ["run", "--path", mount.path]);
    try {
      const asked = 20_000;
      gate.stdin.write("forget\n".repeat(asked));
      // What it says is read only below: by then it has tried to say all of it.
      await expect.poll(() => bytesRead(gate.pid)).toBeGreaterThan(asked * "forget\n".length);
      let said = "";
      gate.stdout.on("data", (data) => {
        said += String(data);
      });
      await expect.poll(() => said.match(/^forgotten$/gm)?.length).toBe(asked);
      expect(said).toMatch(/^ready 1\n/);
    } finally {
      gate.kill("SIGKILL");
    }
  });

  test("a gate that does not become ready, forget or end is killed", async () => {
    const starting = await startStopped();
    const forgetting = start();
    const ending = start();
    await Promise.all([forgetting.gate.ready, ending.gate.ready]);
    process.kill(forgetting.pid, "SIGSTOP");
    process.kill(ending.pid, "SIGSTOP");
    await Promise.all([starting.gate.ready, forgetting.gate.forget(), ending.gate.stop()]);
    expect(starting.ends).toEqual(["SIGKILL: to be ready took more than 5000 ms"]);
    expect(forgetting.ends).toEqual(["SIGKILL: to forget took more than 5000 ms"]);
    expect(ending.ends).toEqual([]);
    expect(gatesOf(process.pid)).toEqual([]);
  });

  test("a gate that has answered an agent that was busy is not killed", async () => {
    const { gate, ends } = start();
    await gate.ready;
    const forgotten = gate.forget();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
    await forgotten;
    expect(ends).toEqual([]);
    await gate.stop();
  });
});

function bytesRead(pid: number | undefined): number {
  return Number(/^rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
}
