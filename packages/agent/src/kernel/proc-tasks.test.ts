import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isNoFile, parseCgroupPath, parseStat, readProcTasks } from "./proc-tasks.ts";
import { TestHost } from "./testing/host.ts";
import { python } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

describe("what /proc says", () => {
  test("of a process with any name", () => {
    const fields = ["S", "7", ...Array.from({ length: 17 }, () => "0"), "4711", "0"].join(" ");
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (comm) => {
        expect(parseStat(`12 (${comm}) ${fields}\n`)).toEqual({ comm, ppid: 7, startTicks: 4711n });
      }),
    );
  });

  test("of control groups, in the unified hierarchy alone", () => {
    expect(parseCgroupPath("4:memory:/x\n0::/a/b c\n")).toBe("/a/b c");
    expect(parseCgroupPath("0::/\n")).toBe("");
    expect(parseCgroupPath("1:name=systemd:/x\n")).toBeUndefined();
  });

  test("is read to an answer, whatever stands there", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        parseStat(text);
        parseStat(`1 (${text}`);
        parseCgroupPath(text);
      }),
    );
  });
});

describe.skipIf(whyNoKernelTests("proc-tasks.test.ts"))("processes by /proc", () => {
  let host: TestHost;
  beforeAll(() => {
    host = new TestHost("t");
  });
  afterAll(() => host.close());

  test("are those that the kernel's iterator has, with the same facts", async ({ skip }) => {
    skip(!host.has("dump_tasks"), "this kernel takes no task iterator to compare with");
    const running = await host.start(python('print("ready", flush=True)\nsys.stdin.readline()'));
    const { scopeCgroupId, scopeLevel } = host.kernel.capabilities();
    const found = readProcTasks({ cgroupId: scopeCgroupId, level: scopeLevel });
    const expected = host.kernel.readTasks();
    expect(expected.map(({ tgid }) => tgid)).toContain(running.child.pid);
    const factsOf = ({ tgid, ppid, uid, comm, cgroupId }: (typeof found)[number]) => ({
      ...{ tgid, ppid, uid, comm, cgroupId },
    });
    const byNumber = (a: { tgid: number }, b: { tgid: number }) => a.tgid - b.tgid;
    expect(found.map(factsOf).sort(byNumber)).toEqual(expected.map(factsOf).sort(byNumber));
    for (const { tgid, timeNs, file } of found) {
      const same = expected.find((one) => one.tgid === tgid);
      // The clock of /proc ticks every 10 ms, and is never ahead.
      const behindNs = (same?.timeNs ?? 0n) - timeNs;
      expect(behindNs >= 0n && behindNs <= 10_000_000n).toBe(true);
      expect([isNoFile(file), same !== undefined && isNoFile(same.file)]).toEqual([true, false]);
    }
    await running.stop();
  });

  test("are read where the iterator is left out", async () => {
    host.unload();
    host.reload("--without", "dump_tasks");
    expect(host.has("dump_tasks")).toBe(false);
    const running = await host.start(python('print("ready", flush=True)\nsys.stdin.readline()'));
    const record = host.kernel.readTasks().find(({ tgid }) => tgid === running.child.pid);
    expect(record).toMatchObject({ uid: 0, comm: "python3" });
    await running.stop();
  });
});
