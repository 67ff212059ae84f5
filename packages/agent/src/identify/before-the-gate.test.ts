/** What is asked of /proc before an execution counts among those that wait: nothing that somebody else can draw out. */
import { spawn, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import type { ExecEvent } from "../kernel/contract.ts";
import { createCgroupLookup } from "./cgroups.ts";
import { executionOfEvent, withRest } from "./execution-sources.ts";
import { readBeginning } from "./proc.ts";

function eventOf(tgid: number, environmentTruncated: boolean): ExecEvent {
  return {
    type: "exec",
    timeNs: 1n,
    tgid,
    file: { inode: 1n, ctimeNs: 1n, device: 1, generation: 1 },
    task: {
      execNs: 1n,
      execTgid: tgid,
      cgroupId: 1n,
      exeId: 0,
      scriptId: 0,
      ppid: 1,
      pending: true,
      agent: false,
      unattributable: false,
    },
    uid: 0,
    comm: "sleep",
    cwdInode: 1n,
    filename: "/bin/sleep",
    arguments: ["sleep", "60"],
    environment: ["FIRST=1"],
    argumentsTruncated: false,
    environmentTruncated,
    argumentsUnreadable: false,
    userNamespace: false,
    traced: false,
  };
}

test("whose line an execution waits in is known at once, also where its process has ended", () => {
  const { tenantOf } = createCgroupLookup("/sys/fs/cgroup", "/");
  expect(tenantOf(0n, process.pid)).toBeTypeOf("string");
  expect(tenantOf(0n, spawnSync("true").pid)).toBe("ended");
});

test("the rest of a long environment is read once it is an execution's turn, and only where there is one", async () => {
  const child = spawn("sleep", ["60"], { env: { FIRST: "1", LAST: "2" } });
  try {
    const execution = executionOfEvent(eventOf(child.pid ?? 0, true), "");
    expect(execution).toMatchObject({ environment: ["FIRST=1"], environmentTruncated: true });
    expect(await withRest(execution)).toMatchObject({
      environment: ["FIRST=1", "LAST=2"],
      environmentTruncated: true,
    });
    const whole = executionOfEvent(eventOf(child.pid ?? 0, false), "");
    expect(await withRest(whole)).toBe(whole);
  } finally {
    child.kill("SIGKILL");
  }
});

test("of a text without an end its beginning is read", async () => {
  expect(await readBeginning("/dev/zero", 100_000)).toEqual(Buffer.alloc(100_000));
  expect((await readBeginning("/proc/self/cmdline", 100_000)).toString()).toMatch(/^[^\0]*node\0/);
  await expect(readBeginning("/proc/self/none", 1)).rejects.toThrow("ENOENT");
});
