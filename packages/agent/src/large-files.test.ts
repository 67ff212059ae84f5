/** Programs and scripts so large that hashing them takes long, or would never end: nobody else waits for them. */
import { chmodSync, chownSync, copyFileSync, readFileSync, truncateSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Process } from "@ringwall/protocol/agent";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ANSWER_JOBS_MAX } from "./identify/answer.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import { TestContainer } from "./testing/test-container.ts";

const TERABYTES = 4 * 1024 ** 4;
const GIGABYTES = 4 * 1024 ** 3;
const NOBODY = 65_534;
const AS_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];

describe.skipIf(whyNoKernelTests("large-files.test.ts") !== undefined)("an agent among large files", () => {
  let host: AgentHost;
  beforeEach(async () => {
    host = await AgentHost.start();
  });
  afterEach(() => host.close());

  /** A program that sleeps, of so many bytes, most of which take no room. */
  function program(name: string, bytes?: number): string {
    const path = `${host.folder}/${name}`;
    copyFileSync("/bin/sleep", path);
    if (bytes !== undefined) truncateSync(path, bytes);
    chmodSync(path, 0o755);
    return path;
  }

  async function report(isIt: (who: Process) => boolean): Promise<void> {
    const reported = () => host.controller.execs.flatMap((batch) => batch.execs.map((one) => one.process));
    for (let i = 0; i < 2000; i++) {
      if (reported().some((who) => who !== undefined && isIt(who))) return;
      await sleep(20);
    }
    throw new Error(`no report among ${JSON.stringify(reported().map((who) => who?.exe))}`);
  }

  test("names a new program beside those that are too large to be read, and says that of them", async () => {
    const large = ["a", "b"].map((name) => program(name, TERABYTES));
    const script = host.file("large.sh", "sleep 3\nexit\n");
    truncateSync(script, TERABYTES);
    const fresh = program("fresh");
    await sleep(30);
    expect(await host.startAgent()).toBe("ready");
    const running = large.map((path) => host.run([path, "3"]));
    await sleep(500);
    running.push(host.run([fresh, "3"]), host.run(["/bin/sh", script]));
    await report((who) => who.exe === fresh && who.exeSha256 === sha256Of("/bin/sleep"));
    for (const exe of large) {
      await report((who) => who.exe === exe && who.exeSha256 === "" && who.unattributable === "oversized");
    }
    await report((who) => who.script === script && who.unattributable === "oversized");
    await Promise.all(running);
  });

  /** More large programs of a user than are looked at together, and the command that runs them all. */
  function flood(): readonly string[] {
    const large = Array.from({ length: ANSWER_JOBS_MAX + 20 }, (_, i) => program(`large-${i}`, GIGABYTES));
    for (const path of large) chownSync(path, NOBODY, NOBODY);
    chmodSync(host.folder, 0o755);
    const all = `cd ${host.folder}; for file in large-*; do ./$file 15 & done; wait`;
    return [...AS_NOBODY, "/bin/sh", "-c", all];
  }

  test("names a new program beside more large ones of a user than it looks at together", async () => {
    const all = flood();
    const fresh = program("fresh");
    expect(await host.startAgent()).toBe("ready");
    const running = [host.run(all)];
    await sleep(2000);
    running.push(host.run([fresh, "8"]));
    await report((who) => who.exe === fresh && who.exeSha256 === sha256Of("/bin/sleep"));
    await Promise.all(running);
  });

  test("names a container's new program beside more large ones of another's user of the same number", async () => {
    const all = flood();
    const fresh = program("fresh");
    chownSync(fresh, NOBODY, NOBODY);
    const containers = [new TestContainer(host.cgroup), new TestContainer(host.cgroup)] as const;
    try {
      expect(await host.startAgent()).toBe("ready");
      const running = [containers[0].run(all)];
      await sleep(2000);
      running.push(containers[1].run([...AS_NOBODY, fresh, "8"]));
      await report((who) => who.exe === fresh && who.exeSha256 === sha256Of("/bin/sleep"));
      await Promise.all(running);
    } finally {
      for (const container of containers) await container.close();
    }
  });

  test("takes one that is too large for no software that its path names", async () => {
    const path = `${host.folder}/fetch`;
    copyFileSync("/usr/bin/curl", path);
    expect(await host.startAgent()).toBe("ready");
    for (let i = 0; i < 3000 && host.controller.subscriptions.length === 0; i++) await sleep(20);
    host.provision(1n, hostPolicyOf(allowSoftware("fetch", { executable: { path } })));
    for (let i = 0; i < 3000 && host.status?.generation !== 1n; i++) await sleep(20);
    const url = `http://127.0.0.1:${host.port}/`;
    const fetch = async () => (await host.run([path, "-s", "--http0.9", "--max-time", "8", url])).output;
    expect(await fetch()).toBe("hello");
    truncateSync(path, TERABYTES);
    expect(await fetch()).toBe("");
    await report((who) => who.exe === path && who.unattributable === "oversized");
  });

  test("ends at its signal without reading large files to their end", async () => {
    const large = ["a", "b"].map((name) => program(name, GIGABYTES));
    expect(await host.startAgent()).toBe("ready");
    // What changed a moment ago is not kept in any case.
    await sleep(2100);
    const running = large.map((path) => host.run([path, "5"]));
    await sleep(1000);
    await host.stopAgent("SIGTERM");
    expect(host.log).not.toContain("task failed");
    expect(readFileSync(`${host.stateDir}/digests.txt`, "utf8")).not.toContain(`:${GIGABYTES} `);
    await Promise.all(running);
  });
});
