/** Loading, pinning, replacing, unloading; and what stays in force meanwhile. */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FlowRecord } from "./contract.ts";
import { active } from "./generated/layout.ts";
import { openKernel } from "./kernel.ts";
import { KernelError } from "./kernel-error.ts";
import { KernelMap, u32 } from "./kernel-map.ts";
import { TestHost } from "./testing/host.ts";
import { allow, subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { LOADER_PATH, OBJECT_PATH, whyNoKernelTests } from "./testing/requirements.ts";

const INSTRUCTIONS_MAX = 250_000;
const CLIENT = 11;
const SERVER = 21;

/** Connects as fast as it can for two seconds. */
const MANY_CONNECTIONS = `end = time.monotonic() + 2
while time.monotonic() < end: socket.create_connection((address, port)).close()`;

interface Status {
  readonly loaded: boolean;
  readonly object: string;
  readonly programs: readonly { readonly name: string; readonly instructionsVerified: number }[];
}

describe.skipIf(whyNoKernelTests("lifecycle.test.ts"))("an instance of the kernel programs", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = new TestHost("a");
    await host.start(serve("127.0.0.1", 8000), SERVER);
  });
  afterAll(async () => host.close());

  const status = (): Status =>
    JSON.parse(execFileSync(LOADER_PATH, ["status", "--pin", host.pin, "--json"], { encoding: "utf8" }));
  const reach = async (identity: number): Promise<number> =>
    (await host.ask<{ errno: number }>(connect("127.0.0.1", 8000), identity)).errno;
  const strict = { modeOut: "block", loopbackEnforce: true, subjects: subjects(CLIENT) } as const;
  const forClient = [allow({ subject: CLIENT, port: 8000, portBits: 16 })];

  test("stays within the verifier's budget", () => {
    const { programs } = status();
    process.stdout.write(
      `instructions verified: ${programs.map((p) => `${p.name} ${p.instructionsVerified}`).join(", ")}\n`,
    );
    expect(programs.length).toBeGreaterThanOrEqual(13);
    for (const program of programs)
      expect(program.instructionsVerified, program.name).toBeLessThan(INSTRUCTIONS_MAX);
  });

  test("nothing is governed before a policy comes", async () => {
    expect(await reach(99)).toBe(0);
  });

  test("a policy is in force as soon as its slot is live, and not before", async () => {
    await host.kernel.writeSlot(1, {
      ...host.kernel.readSlot(1),
      ...strict,
      generation: 1n,
      policies: [],
      peers: [],
      failOpen: false,
      cutEstablished: true,
    });
    expect(await reach(CLIENT)).toBe(0);
    host.kernel.switchSlot(1);
    expect(await reach(CLIENT)).toBe(host.refusal);
  });

  test("the live slot can't be written", async () => {
    const write = host.kernel.writeSlot(1, {
      ...host.kernel.readSlot(1),
      policies: [],
      peers: [],
      subjects: [],
    });
    await expect(write).rejects.toThrow(KernelError);
  });

  test("no connection meets half a policy while it switches to and fro", async () => {
    await host.provision({ ...strict, policies: forClient });
    const many = connect("127.0.0.1", 8000).map((part) =>
      part.replace("s = socket.socket(", `${MANY_CONNECTIONS}\ns = socket.socket(`),
    );
    let done = false;
    const answer = host.ask<{ errno: number }>(many, CLIENT).finally(() => {
      done = true;
    });
    let switches = 0;
    // Both slots allow the client by different entries; either alone is a whole policy.
    for (; !done; switches++) {
      const port = switches % 2 === 0 ? { port: 8000, portBits: 16 } : { port: 0, portBits: 0 };
      await host.provision({ ...strict, policies: [allow({ subject: CLIENT, ...port })] });
    }
    expect((await answer).errno).toBe(0);
    expect(switches).toBeGreaterThan(1);
  });

  test("an identity that appears between two revisions can be added to the live slot", async () => {
    await host.provision({ ...strict, subjects: [], policies: forClient });
    expect(await reach(CLIENT)).toBe(host.refusal);
    host.kernel.addSubjects(host.kernel.liveSlot(), subjects(CLIENT));
    expect(await reach(CLIENT)).toBe(0);
  });

  test("modes change without touching the maps", async () => {
    await host.provision({ ...strict, policies: forClient });
    const live = host.kernel.liveSlot();
    host.kernel.updateSlotHeader(live, { ...host.kernel.readSlot(live), modeOut: "observe" });
    expect(await reach(12)).toBe(0);
    host.kernel.updateSlotHeader(live, { ...host.kernel.readSlot(live), modeOut: "block" });
    expect(await reach(12)).toBe(host.refusal);
    expect(await reach(CLIENT)).toBe(0);
  });

  test("enforcement outlives whoever held the maps", async () => {
    await host.provision({ ...strict, policies: forClient });
    host.reopen();
    expect(host.kernel.readSlot(host.kernel.liveSlot()).modeOut).toBe("block");
    expect(await reach(CLIENT)).toBe(0);
    expect(await reach(12)).toBe(host.refusal);
  });

  test("flows that nobody could take come again, and those since then after them", async () => {
    await host.provision({ ...strict, policies: forClient });
    await host.flows();
    expect(await reach(CLIENT)).toBe(0);
    await sleep(50);
    const full = host.kernel.handOverFlows(() => Promise.reject(new Error("no room")));
    await expect(full).rejects.toThrow("no room");
    expect(await reach(12)).toBe(host.refusal);
    host.reopen();
    await sleep(50);
    const taken: string[][] = [];
    await host.kernel.handOverFlows(async (records) => {
      taken.push(records.filter(({ direction }) => direction === "out").map(({ verdict }) => verdict));
    });
    expect(taken).toEqual([["allowed"], ["blocked"]]);
    expect(await host.flows()).toEqual([]);
  });

  test("who asks for what is counted by now leaves an empty buffer alone, and gets all of another", async () => {
    await host.provision({ ...strict, policies: forClient });
    await host.flows();
    const map = KernelMap.openPinned(host.pin, "active");
    const buffer = () => map.get(u32(active.flows))?.getUint32(0, true);
    const taken: string[] = [];
    const keep = async (records: readonly FlowRecord[]) => {
      taken.push(...records.filter(({ direction }) => direction === "out").map(({ verdict }) => verdict));
    };
    const before = buffer();
    await host.kernel.handOverFlows(keep, "counted");
    expect([taken, buffer()]).toEqual([[], before]);
    expect(await reach(CLIENT)).toBe(0);
    await sleep(50);
    const full = host.kernel.handOverFlows(() => Promise.reject(new Error("no room")), "counted");
    await expect(full).rejects.toThrow("no room");
    // Nothing was counted since, and what nobody could take comes all the same.
    await host.kernel.handOverFlows(keep, "counted");
    expect(taken).toEqual(["allowed"]);
    await host.kernel.handOverFlows(keep, "all");
    map.close();
    expect(taken).toEqual(["allowed"]);
  });

  test("loading the same object again keeps everything", () => {
    const links = (): readonly string[] => readdirSync(`${host.pin}/links`).sort();
    const before = links();
    const { object } = status();
    host.load();
    expect(links()).toEqual(before);
    expect(status().object).toBe(object);
  });

  test("another object replaces it, and policy and processes stay", async () => {
    const folder = mkdtempSync(`${tmpdir()}/ringwall-object-`);
    const other = `${folder}/ringwall.bpf.o`;
    copyFileSync(OBJECT_PATH, other);
    appendFileSync(other, "\0");
    await host.provision({ ...strict, policies: forClient });
    const before = status().object;
    host.load(other);
    rmSync(folder, { recursive: true });
    expect(status().object).not.toBe(before);
    expect(await reach(CLIENT)).toBe(0);
    expect(await reach(12)).toBe(host.refusal);
    expect(readdirSync(`${host.pin}/links`).filter((name) => name.endsWith("_next"))).toEqual([]);
    host.load();
  });

  test("two instances don't disturb each other, and the last takes the mount with it", async () => {
    const other = new TestHost("b");
    expect((await other.ask<{ errno: number }>(connect("127.0.0.1", 1), 12)).errno).toBe(host.refusal);
    expect(await reach(CLIENT)).toBe(0);
    await other.close();
    expect(existsSync(other.pin)).toBe(false);
    expect(await reach(CLIENT)).toBe(0);
  });

  test.each([
    [["load", "--object", "/nowhere", "--pin", "/run/x/y", "--cgroup", "/"], "can't be read"],
    [["load", "--object", "/etc/hostname", "--pin", "/run/x/y", "--cgroup", "CGROUP"], "not an eBPF object"],
    [["load", "--object", "OBJECT", "--pin", "/run/x/y", "--cgroup", "/tmp"], "not a cgroup v2 directory"],
    [["load", "--object", "OBJECT", "--pin", "relative", "--cgroup", "CGROUP"], "not an absolute path"],
    [
      ["load", "--object", "OBJECT", "--pin", "/run/x/y", "--cgroup", "CGROUP", "--flow-entries", "0"],
      "want 1 to",
    ],
    [["dance", "--pin", "/run/x/y"], "unknown command"],
  ])("a wrong call %j is named and exits with 2", (args, message) => {
    const real = args.map((arg) => arg.replace("OBJECT", OBJECT_PATH).replace("CGROUP", host.cgroup));
    const { status: code, stderr } = spawnSync(LOADER_PATH, real, { encoding: "utf8" });
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(existsSync("/run/x")).toBe(false);
  });

  test("opening where nothing is pinned says what failed", () => {
    expect(() => openKernel(`${host.folder}/nothing`)).toThrow(/`open map active` failed: ENOENT/);
  });
});
