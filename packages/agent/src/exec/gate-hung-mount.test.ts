/** The gate and a file system whose server does not answer, on real executions. */
import { execFile, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { ExecMount } from "../testing/exec-mount.ts";
import { gatesOf, lettingAll } from "../testing/gates-of.ts";
import { HungMount } from "../testing/hung-mount.ts";
import { startGate } from "./gate-process.ts";
import { GATE_PATH, probeExecGate } from "./probe-gate.ts";

const why = whyNoKernelTests("gate-hung-mount.test.ts") ?? (await probeExecGate()).why;
const noFuse = existsSync("/dev/fuse") ? "" : "no /dev/fuse";

test.skipIf(why !== "" || noFuse !== "")(
  "a file system that hangs holds up nobody elsewhere, is told of, and is asked about once it answers",
  async () => {
    const mount = new ExecMount();
    const program = mount.copy("/bin/true", "program");
    const run = () => promisify(execFile)("/bin/sh", ["-c", '"$0"; exit $?', program]);
    const hung = await HungMount.start();
    const unmarked: string[] = [];
    const ends: string[] = [];
    let allow = false;
    const gate = startGate({
      ...lettingAll([mount.path, hung.path], ends),
      onAsk: async () => ({ allow, keep: true }),
      onUnmarked: (what) => unmarked.push(what),
    });
    try {
      await gate.ready;
      expect(unmarked).toEqual([`ETIMEDOUT ${hung.path}`]);
      expect(markedBy(gatesOf(process.pid)[0] ?? 0)).toBe(1);
      await expect(run()).rejects.toThrow();
      allow = true;
      await gate.forget();
      await run();
      hung.answer();
      await expect.poll(() => markedBy(gatesOf(process.pid)[0] ?? 0)).toBe(2);
    } finally {
      await hung.close();
      await gate.stop();
      mount.close();
    }
    expect(ends).toEqual([]);
  },
);

test.skipIf(why !== "" || noFuse !== "")("a gate ends though a file system hangs", async () => {
  const hung = await HungMount.start();
  const ends: string[] = [];
  const gate = startGate(lettingAll([hung.path], ends));
  try {
    await gate.ready;
    await gate.stop();
    expect(ends).toEqual([]);
    expect(gatesOf(process.pid)).toEqual([]);
  } finally {
    await hung.close();
  }
});

test.skipIf(why !== "" || noFuse !== "")("of all that is mounted, only what hangs is left out", async () => {
  const hung = await HungMount.start();
  // Marks of mounts, in a namespace of their own: the machine is not asked about.
  const enter = ["--target", String(hung.pid), "--mount"];
  const gate = spawn("nsenter", [...enter, GATE_PATH, "run", "--mounts"]);
  try {
    let said = "";
    gate.stdout.on("data", (data) => {
      said += String(data);
    });
    await expect.poll(() => said).toMatch(/^ready [1-9]/m);
    expect(said.match(/^unmarked ETIMEDOUT .*/gm)).toEqual([`unmarked ETIMEDOUT ${hung.folder}`]);
  } finally {
    gate.kill("SIGKILL");
    await hung.close();
  }
});

/** File systems that the kernel asks a gate about. */
function markedBy(gate: number): number {
  const held = readdirSync(`/proc/${gate}/fdinfo`).map((file) =>
    readFileSync(`/proc/${gate}/fdinfo/${file}`, "utf8"),
  );
  return held.join("").match(/^fanotify sdev:/gm)?.length ?? 0;
}
