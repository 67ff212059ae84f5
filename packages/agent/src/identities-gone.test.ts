import { execFileSync } from "node:child_process";
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type IdentityBook, openIdentityBook } from "./identify/identity-book.ts";
import { NEW_IDENTITIES_MIN } from "./identify/identity-sweep.ts";
import { SHADOW_SLOT } from "./kernel/contract.ts";
import { KernelMap } from "./kernel/kernel-map.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { readMapsName } from "./state/clocks.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { CONNECT, PYTHON } from "./testing/connecting.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";

const JOBS = 100;
/** The first jobs have ended before their program is known. */
const ENOUGH = NEW_IDENTITIES_MIN + 10;
/** A program in a control group of its own, again and again, as a timer's unit is. */
const RUN_JOBS = `
i=0
while [ $i -lt ${JOBS} ]; do
  i=$((i + 1)); job="$1/job$i"
  mkdir "$job"
  sh -c 'echo $$ > "$0/cgroup.procs" && exec /bin/true' "$job" || exit 1
  until rmdir "$job"; do sleep 0.02; done
done`;

describe.skipIf(whyNoKernelTests("identities-gone.test.ts") !== undefined)("a host of short services", () => {
  let host: AgentHost;
  beforeEach(async () => {
    host = await AgentHost.start();
  });
  afterEach(() => host.close());

  async function book(): Promise<IdentityBook> {
    return openIdentityBook(host.stateDir, await readMapsName(host.pinDir), true);
  }
  function entries(name: string, index?: number): number {
    const outer = KernelMap.openPinned(host.pinDir, name);
    const map = index === undefined ? outer : outer.inner(index);
    const count = [...(map?.keys() ?? [])].length;
    if (map !== outer) map?.close();
    outer.close();
    return count;
  }
  /** What is known, and has a class in the first policy, and in the draft. */
  const sizes = async () => [
    [...(await book()).keys()].length,
    entries("identities"),
    Math.max(entries("subjects", 0), entries("subjects", 1)),
    entries("subjects", SHADOW_SLOT),
  ];

  test("keeps them while nothing can be told of what they did: on a full disk, without a controller", async () => {
    const script = host.file("app.py", CONNECT);
    await sleep(30);
    const spool = `${host.stateDir}/spool`;
    mkdirSync(spool, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "full", spool]);
    try {
      writeFileSync(`${spool}/filler`, "");
      expect(await host.startAgent({ identitiesEveryMs: 200 })).toBe("ready");
      await host.until(() => host.controller.subscriptions.length > 0);
      await host.controller.close();
      expect(() => writeFileSync(`${spool}/filler`, "x".repeat(1 << 20))).toThrow("ENOSPC");
      // What was told before may have left a page with some room.
      await host.until(async () => {
        expect((await host.run([PYTHON, script, String(host.port)])).output).toBe("connected\n");
        return host.log.includes("ENOSPC");
      });
      await host.run(["/bin/sh", "-c", RUN_JOBS, "jobs", host.cgroup]);
      await host.until(async () => (await book()).given() >= ENOUGH);
      // Time for some looks.
      await sleep(2000);
      expect(entries("identities")).toBeGreaterThanOrEqual(ENOUGH);
      rmSync(`${spool}/filler`);
      await host.until(() => entries("identities") < NEW_IDENTITIES_MIN);
    } finally {
      await host.stopAgent("SIGKILL");
      execFileSync("umount", [spool]);
    }
  });

  test("has room for the next ones, and one that starts anew is known under a number of its own", async () => {
    const script = host.file("app.py", CONNECT);
    await sleep(30);
    const options = { identitiesEveryMs: 200 };
    expect(await host.startAgent(options)).toBe("ready");
    await host.until(() => host.controller.subscriptions.length > 0);
    const entry = { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(script) } };
    const policy = hostPolicyOf(allowSoftware("app", entry));
    host.provision(1n, policy);
    host.startShadow(1n, policy, 600);
    await host.until(() => host.status?.generation === 1n && host.log.includes("a draft is judged by"));
    const run = () => host.run([PYTHON, script, String(host.port)]);
    expect((await run()).output).toBe("connected\n");

    expect(await host.run(["/bin/sh", "-c", RUN_JOBS, "jobs", host.cgroup])).toEqual({ code: 0, output: "" });
    await host.until(async () => (await book()).given() >= ENOUGH);
    const { given } = await book();
    expect(Math.min(...(await sizes()))).toBeGreaterThan(0);
    // The last ones wait for others to come.
    await host.until(async () => Math.max(...(await sizes())) < given());
    expect((await run()).output).toBe("connected\n");

    await host.stopAgent("SIGKILL");
    expect(await host.startAgent(options)).toBe("ready");
    const again = `${host.cgroup}/again`;
    mkdirSync(again);
    try {
      const enter = `echo $$ > ${again}/cgroup.procs && exec "$@"`;
      const argv = ["/bin/sh", "-c", enter, "again", PYTHON, script, String(host.port)];
      expect((await host.run(argv)).output).toBe("connected\n");
      const newest = [...(await book()).keys()].at(-1);
      expect(newest?.[0]).toBeGreaterThan(given());
    } finally {
      rmdirSync(again);
    }
  });
});
