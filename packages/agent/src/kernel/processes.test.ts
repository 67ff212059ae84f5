/** What the kernel tells of processes, and what they keep over fork and exec. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { limit } from "./generated/layout.ts";
import { execsTold } from "./testing/events-told.ts";
import { TestHost } from "./testing/host.ts";
import { allow, peer, subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { SLOWNESS, whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;

describe.skipIf(whyNoKernelTests("processes.test.ts"))("processes", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = new TestHost("a");
    await host.start(serve("127.0.0.1", 8000), SERVER);
  });
  afterAll(async () => host.close());
  beforeEach(() => {
    host.events.length = 0;
  });

  const execs = () => execsTold(host);

  test("an exec tells file, arguments, environment and parent", async () => {
    await host.run(["/usr/bin/env", "MARK=ä b", "/bin/echo", "one", "", "two three"]);
    const echo = (await execs()).find((event) => event.comm === "echo");
    expect(echo).toMatchObject({
      filename: "/bin/echo",
      arguments: ["/bin/echo", "one", "", "two three"],
      uid: 0,
      argumentsTruncated: false,
    });
    expect(echo?.environment).toContain("MARK=ä b");
    expect(echo?.file.inode).toBeGreaterThan(0n);
    expect(echo?.file.ctimeNs).toBeGreaterThan(0n);
    expect(echo?.task.pending).toBe(true);
    expect(echo?.task.cgroupId).toBe(host.kernel.capabilities().scopeCgroupId);
  });

  test("long arguments are cut, and say so", async () => {
    await host.run(["/bin/echo", "x".repeat(9000)]);
    const echo = (await execs()).find((event) => event.comm === "echo");
    expect(echo?.argumentsTruncated).toBe(true);
    expect(echo?.arguments.join("\0")).toHaveLength(limit.argumentsBytesMax);
  });

  test("a known executable is never pending; an interpreter always is", async () => {
    await host.run(["/bin/true"]);
    const first = (await execs()).find((event) => event.comm === "true");
    if (first === undefined) throw new Error("no exec event");
    host.kernel.setExecutable(first.file, 5, false);
    host.events.length = 0;
    await host.run(["/bin/true"]);
    expect((await execs()).find((event) => event.comm === "true")?.task).toMatchObject({
      exeId: 5,
      pending: false,
    });
    host.kernel.setExecutable(first.file, 5, true);
    host.events.length = 0;
    await host.run(["/bin/true"]);
    expect((await execs()).find((event) => event.comm === "true")?.task).toMatchObject({
      exeId: 5,
      pending: true,
    });
    host.kernel.deleteExecutable(first.file);
  });

  test("an exit forgets the process, not before its last thread", async () => {
    const threads = `
import threading, time, ctypes
threading.Thread(target=lambda: time.sleep(${4 * SLOWNESS})).start()
print("ready", flush=True)
ctypes.CDLL(None).pthread_exit(None)`;
    const running = await host.start(["/usr/bin/python3", "-I", "-c", threads], CLIENT);
    const tgid = (await execs()).findLast(({ filename }) => filename === "/usr/bin/python3")?.tgid ?? 0;
    await sleep(100 * SLOWNESS);
    expect(host.kernel.getTask(tgid)).toBeDefined();
    await running.stop();
    await expect.poll(() => host.kernel.getTask(tgid)).toBeUndefined();
  });

  test("a forked child has its parent's identity; what it execs has its own", async () => {
    await host.provision({
      modeOut: "block",
      loopbackEnforce: true,
      policies: [allow({ subject: CLIENT, port: 8000, portBits: 16 })],
      subjects: subjects(CLIENT, 12),
    });
    const [python = "", ...flags] = connect("127.0.0.1", 8000);
    const forked = flags.map((part) =>
      part.replace("import socket,", "import os\nif os.fork(): os.wait(); os._exit(0)\nimport socket,"),
    );
    expect(await host.ask([python, ...forked], CLIENT)).toMatchObject({ errno: 0 });
    const execed = ["/usr/bin/env", "RW_IDENTITY=12", python, ...flags];
    // Refused at once or, if the agent is slow to say what it is, after its SYN was held.
    expect(await host.ask(execed, CLIENT)).not.toMatchObject({ errno: 0 });
  });

  test("processes that are older than the programs come from the iterator", async ({ skip }) => {
    skip(!host.has("dump_tasks"), "no `dump_tasks` on this kernel");
    const tasks = host.kernel.readTasks();
    const server = tasks.find((task) => task.comm.startsWith("python3"));
    if (server === undefined) throw new Error("the server is not in the list");
    const known = host.kernel.getTask(server.tgid);
    expect(server).toMatchObject({
      uid: 0,
      cgroupId: host.kernel.capabilities().scopeCgroupId,
      ppid: known?.ppid,
    });
    expect(tasks.every((task) => task.file.inode > 0n)).toBe(true);
  });

  test("a seed never overwrites what the kernel has seen", () => {
    const [server] = host.kernel.readTasks();
    if (server === undefined) throw new Error("no process in the list");
    const known = host.kernel.getTask(server.tgid);
    if (known === undefined) throw new Error("the server has no entry");
    expect(host.kernel.seedTask(server.tgid, { ...known, exeId: 77 })).toBe(false);
    expect(host.kernel.getTask(server.tgid)).toEqual(known);
  });

  test("the agent's own connections are judged as the agent's", async () => {
    const agent = [allow({ subject: 1, port: 8000, portBits: 16, essential: true })];
    await host.provision({
      modeOut: "block",
      loopbackEnforce: true,
      policies: agent,
      subjects: subjects(CLIENT),
    });
    const [python = "", ...flags] = connect("127.0.0.1", 8000);
    const waiting = flags.map((part) =>
      part.replace("import socket,", 'print("ready", flush=True); sys.stdin.readline()\nimport socket,'),
    );
    const running = await host.start([python, ...waiting], CLIENT);
    const tgid = (await execs()).findLast(({ filename }) => filename === "/usr/bin/python3")?.tgid ?? 0;
    host.kernel.markAgent(tgid);
    running.child.stdin?.write("\n");
    expect(JSON.parse(await running.line())).toMatchObject({ errno: 0 });
  });

  test("loopback is recorded, and refused only where it is enforced", async () => {
    for (const [loopbackEnforce, errno, verdict] of [
      [false, 0, "wouldBlock"],
      [true, host.refusal, "blocked"],
    ] as const) {
      await host.provision({
        modeOut: "block",
        loopbackEnforce,
        peers: [peer("127.0.0.1", 3, { self: true })],
        subjects: subjects(CLIENT),
      });
      await host.flows();
      expect(await host.ask(connect("127.0.0.1", 8000), CLIENT)).toMatchObject({ errno });
      const out = (await host.flows()).filter((flow) => flow.direction === "out");
      expect(out[0]).toMatchObject({ verdict, identity: CLIENT });
    }
  });

  test("an execution runs as long as what it forked, though its first process has ended", async () => {
    const daemon =
      "import os, time\nif os.fork(): os._exit(0)\nfor fd in range(3): os.close(fd)\ntime.sleep(600)";
    await host.run(["/usr/bin/python3", "-I", "-c", daemon], CLIENT);
    const begun = (await execs()).findLast(({ filename }) => filename === "/usr/bin/python3");
    if (begun === undefined) throw new Error("nobody told of it");
    expect(host.kernel.getTask(begun.tgid)).toBe(undefined);
    expect(host.kernel.isRunning(begun.task)).toBe(true);
    for (const pid of readFileSync(`${host.cgroup}/cgroup.procs`, "utf8").trim().split("\n"))
      process.kill(Number(pid), "SIGKILL");
    await expect.poll(() => host.kernel.isRunning(begun.task)).toBe(false);
  });

  test("answers of processes that have ended are swept", async () => {
    await host.run(["/bin/true"], 30);
    await execs();
    expect(host.kernel.sweepResolutions(3_600_000_000_000n)).toBe(0);
    expect(host.kernel.sweepResolutions(0n)).toBeGreaterThan(0);
    expect(host.kernel.sweepResolutions(0n)).toBe(0);
  });
});
