/** An agent that is told to end while something takes its time: it ends, and nothing that is stored goes with it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { END_MS_MAX } from "./end.ts";
import { agentStatus } from "./index.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost } from "./testing/agent-host.ts";
import { hostPolicyOf } from "./testing/host-policy.ts";

describe.skipIf(whyNoKernelTests("agent-end.test.ts") !== undefined)("an agent that is told to end", () => {
  let host: AgentHost;
  let holder: ChildProcess | undefined;

  beforeEach(async () => {
    host = await AgentHost.start();
  });
  afterEach(async () => {
    await release();
    await host.close();
  });

  /** Takes the lock for which every loader of this place waits. */
  async function hold(): Promise<void> {
    holder = spawn("flock", [host.folder, "sh", "-c", "echo held; exec sleep 600"], {
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    await new Promise((resolve) => holder?.stdout?.once("data", resolve));
  }
  async function release(): Promise<void> {
    if (holder?.pid === undefined) return;
    const gone = new Promise((resolve) => holder?.once("close", resolve));
    process.kill(-holder.pid, "SIGKILL");
    await gone;
    holder = undefined;
  }
  function isWaitedFor(): boolean {
    const inode = `:${statSync(host.folder).ino} `;
    return readFileSync("/proc/locks", "utf8")
      .split("\n")
      .some((line) => line.includes("-> FLOCK") && line.includes(inode));
  }
  async function end(): Promise<number | null | undefined> {
    await host.stopAgent("SIGTERM");
    expect(host.log).not.toContain("task failed");
    return host.agent?.exitCode;
  }

  test("ends though a loader waits for another one, and its policy stays", async () => {
    expect(await host.startAgent()).toBe("ready");
    await host.until(() => host.controller.subscriptions.length > 0);
    host.provision(1n, hostPolicyOf());
    await host.until(() => host.status?.generation === 1n);
    await hold();
    rmSync(`${host.pinDir}/links/connect4`);
    await host.until(isWaitedFor);
    expect(await end()).toBe(0);
    expect(isWaitedFor()).toBe(false);
    await release();
    expect(await agentStatus(host)).toMatchObject({ pid: null, enforced: { generation: "1" } });

    expect(await host.startAgent()).toBe("ready");
    expect(existsSync(`${host.pinDir}/links/connect4`)).toBe(true);
  });

  /** The agent's child process that is this command of the loader. */
  function loaderOf(command: string): number | undefined {
    const pid = host.agent?.pid;
    const tasks = pid === undefined ? [] : readdirSync(`/proc/${pid}/task`);
    return tasks
      .flatMap((task) =>
        readText(`/proc/${pid}/task/${task}/children`).split(" ").filter(Boolean).map(Number),
      )
      .find((child) => readText(`/proc/${child}/cmdline`).includes(`/ringwall-bpf\0${command}\0`));
  }
  function readText(path: string): string {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  }

  test("does not leave the host without programs where it loads them anew", async () => {
    expect(await host.startAgent()).toBe("ready");
    await host.until(() => host.controller.subscriptions.length > 0);
    host.provision(1n, hostPolicyOf());
    await host.until(() => host.status?.generation === 1n);
    await host.stopAgent("SIGKILL");
    rmSync(`${host.stateDir}/identities.ndjson`);

    const started = host.startAgent();
    let loader: number | undefined;
    await host.until(() => host.log.includes("the journal of the pinned programs is lost"));
    while (loader === undefined || existsSync(`${host.pinDir}/maps`)) {
      loader = loaderOf("load");
      await sleep(1);
    }
    process.kill(loader, "SIGSTOP");
    const ended = end();
    await sleep(END_MS_MAX + 500);
    process.kill(loader, "SIGCONT");
    expect(await ended).toBe(0);
    expect(await started).toMatchObject({ code: 0 });
    expect(await agentStatus(host)).toMatchObject({ pid: null, enforced: { generation: "1" } });
  });

  test("leaves it to the next agent to load them anew where it ends before", async () => {
    expect(await host.startAgent()).toBe("ready");
    await host.stopAgent("SIGKILL");
    const journal = `${host.stateDir}/identities.ndjson`;
    rmSync(journal);
    await hold();
    const started = host.startAgent();
    await host.until(isWaitedFor);
    expect(await end()).toBe(0);
    expect(await started).toMatchObject({ code: 0 });
    await release();
    expect([existsSync(journal), existsSync(`${host.pinDir}/maps`)]).toEqual([false, true]);

    expect(await host.startAgent()).toBe("ready");
    expect(host.log).toContain("the journal of the pinned programs is lost");
  });

  test("ends though its start waits", async () => {
    await hold();
    const started = host.startAgent();
    await host.until(isWaitedFor);
    expect(await end()).toBe(0);
    expect(await started).toMatchObject({ code: 0 });
    expect(isWaitedFor()).toBe(false);
  });

  test("ends though a controller that it would enrol at says nothing", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket.on("error", () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const controller = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const started = host.startAgent({ controller });
    await host.until(() => sockets.length > 0);
    expect(await end()).toBe(0);
    expect(await started).toMatchObject({ code: 0 });
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });

  test.skipIf(!existsSync("/usr/bin/apt-config"))(
    "ends though a package tool hangs, and keeps the packages that it has not looked at",
    async () => {
      // A pipe that nobody writes into.
      execFileSync("mkfifo", [`${host.folder}/pipe`]);
      const aptConfig = host.file("apt.conf", `#include "${host.folder}/pipe";\n`);
      mkdirSync(`${host.stateDir}/debs`, { recursive: true });
      const deb = host.file("state/debs/one.deb", "a package");
      expect(await host.startAgent({ aptConfig })).toBe("ready");
      await host.until(() => existsSync(`${host.stateDir}/debs-at-work/one.deb`));
      expect(await end()).toBe(0);
      expect(existsSync(deb)).toBe(true);
    },
  );
});
