import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { IdentityKey } from "../kernel/contract.ts";
import { KernelMap } from "../kernel/kernel-map.ts";
import { type Running, TestHost } from "../kernel/testing/host.ts";
import { allow, subjects } from "../kernel/testing/policies.ts";
import { connect, python, serve } from "../kernel/testing/programs.ts";
import { cgroupRoot, whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { IDENTITIES_MAX, type IdentityBook, openIdentityBook } from "./identity-book.ts";
import { createIdentitySweep, type IdentitySweep, NEW_IDENTITIES_MIN } from "./identity-sweep.ts";

const EXE = {
  exe: "/usr/bin/x",
  exeSha256: "a".repeat(64),
  package: null,
  evidence: null,
  unattributable: null,
};
const OWNER = { user: "root", unit: "job.service", container: null, image: null };
/** No control group has these numbers. */
const NO_CGROUP = 1n << 60n;
const PORT = 8450;
const CLIENT = 21;
const SERVER = 22;

/** Connects, joins the control group that it is told, becomes another program with the connection in its hands. */
const WANDER = python(`
import os
s = socket.create_connection(("127.0.0.1", ${PORT})); s.set_inheritable(True)
print("ready", flush=True)
open(sys.stdin.readline().strip() + "/cgroup.procs", "w").write(str(os.getpid()))
print("moved", flush=True)
sys.stdin.readline()
os.execvp("/bin/sh", ["sh", "-c", "echo other; read line"])`);

/** Listens, joins the control group that it is told, becomes another program that has the listener. */
const HAND_ON = python(`
import os
s = socket.create_server(("127.0.0.1", ${PORT})); s.set_inheritable(True)
print("ready", flush=True)
open(sys.stdin.readline().strip() + "/cgroup.procs", "w").write(str(os.getpid()))
os.execvp("/bin/sh", ["sh", "-c", "echo other; read line"])`);

describe.skipIf(whyNoKernelTests("identity-sweep.test.ts") !== undefined)("an identity", () => {
  let host: TestHost;
  let folder: string;
  let book: IdentityBook;
  let sweep: IdentitySweep;
  let awaited: number[];
  let toldMs: number;
  const told: number[] = [];

  beforeEach(() => {
    host = new TestHost("sweep");
    folder = mkdtempSync(`${tmpdir()}/ringwall-sweep-`);
    book = openIdentityBook(folder, "maps");
    awaited = [];
    toldMs = Number.POSITIVE_INFINITY;
    told.length = 0;
    sweep = createIdentitySweep({
      kernel: host.kernel,
      book,
      mount: cgroupRoot() ?? "",
      awaited: () => awaited,
      toldMs: () => toldMs,
      onGone: (ids) => told.push(...ids),
    });
  });
  afterEach(async () => {
    await host.close();
    rmSync(folder, { recursive: true });
  });

  function keyIn(cgroupId: bigint, exeId = 1): IdentityKey {
    return { exeId, scriptId: 0, uid: 0, cgroupId };
  }
  /** As an agent does that meets it. */
  function meet(key: IdentityKey): number | undefined {
    book.executable(EXE);
    const entry = book.identity(key, OWNER);
    if (entry !== null) host.kernel.setIdentity(key, entry.id);
    return entry?.id;
  }
  function meetMany(count: number, from = 0): void {
    for (let i = from; i < from + count; i++) meet(keyIn(NO_CGROUP + BigInt(i)));
  }
  /** A control group that comes and goes, as a unit's does. */
  function pass(name: string): bigint {
    const id = make(name);
    rmdirSync(`${host.cgroup}/${name}`);
    return id;
  }
  function make(name: string): bigint {
    mkdirSync(`${host.cgroup}/${name}`);
    return statSync(`${host.cgroup}/${name}`, { bigint: true }).ino;
  }
  function inKernel(map = "identities"): number {
    const opened = KernelMap.openPinned(host.pin, map);
    const count = [...opened.keys()].length;
    opened.close();
    return count;
  }
  async function twice(): Promise<number[]> {
    return [await sweep.look(), await sweep.look()];
  }

  test("of a control group that was removed makes room again in a full kernel, and its number is no other's", async () => {
    for (let i = 0; i < 100; i++) meet(keyIn(pass("job")));
    const stays = make("stays");
    const kept = meet(keyIn(stays));
    meetMany(IDENTITIES_MAX - 101);
    const late = keyIn(pass("late"));
    expect([inKernel(), meet(late), book.overflows()]).toEqual([IDENTITIES_MAX, undefined, 1]);
    expect(() => host.kernel.setIdentity(late, 1)).toThrow("E2BIG");

    expect(await twice()).toEqual([0, IDENTITIES_MAX - 1]);
    expect([inKernel(), [...book.keys()].map(([id]) => id)]).toEqual([1, [kept]]);
    expect(told).toHaveLength(IDENTITIES_MAX - 1);
    expect(meet(late)).toBe(IDENTITIES_MAX + 1);
    expect(meet(keyIn(stays))).toBe(kept);
    expect(openIdentityBook(folder, "maps").find(late)).toBe(IDENTITIES_MAX + 1);
    rmdirSync(`${host.cgroup}/stays`);
  });

  test("takes its number in the fleet along", async () => {
    meetMany(NEW_IDENTITIES_MIN);
    for (const [id] of book.keys()) host.kernel.proof.setNumber(id, 1000 + id);
    expect(inKernel("proof_numbers")).toBe(NEW_IDENTITIES_MIN);
    await twice();
    expect(inKernel("proof_numbers")).toBe(0);
  });

  test("is looked for only once there are enough new ones", async () => {
    meetMany(NEW_IDENTITIES_MIN - 1);
    expect(await twice()).toEqual([0, 0]);
    meetMany(1, NEW_IDENTITIES_MIN);
    expect(await twice()).toEqual([0, NEW_IDENTITIES_MIN]);
    meetMany(1, NEW_IDENTITIES_MIN + 1);
    expect([...(await twice()), [...book.keys()].length]).toEqual([0, 0, 1]);
  });

  test("stays while a draft's report has still to name it", async () => {
    meetMany(NEW_IDENTITIES_MIN);
    awaited = [7];
    expect(await twice()).toEqual([0, NEW_IDENTITIES_MIN - 1]);
    expect(book.processIdentity(7)).toMatchObject({ unit: "job.service" });
    awaited = [];
    meetMany(NEW_IDENTITIES_MIN, NEW_IDENTITIES_MIN);
    expect(await twice()).toEqual([0, NEW_IDENTITIES_MIN + 1]);
  });

  test("stays until the flows that were counted when its group was gone are told", async () => {
    meetMany(NEW_IDENTITIES_MIN);
    toldMs = performance.now();
    expect([...(await twice()), await sweep.look()]).toEqual([0, 0, 0]);
    toldMs = performance.now();
    expect(await sweep.look()).toBe(NEW_IDENTITIES_MIN);
  });

  /** A program that begins in one control group, is told of another, and then says so; the first is removed. */
  async function leaving(program: string[], identity: number, says: string) {
    const [from, to] = [make("from"), make("to")];
    meetMany(NEW_IDENTITIES_MIN);
    const number = meet(keyIn(from, identity)) ?? 0;
    const place = { cgroup: `${host.cgroup}/from`, name: host.name };
    const running: Running = await host.start(program, identity, undefined, place);
    running.child.stdin?.write(`${host.cgroup}/to\n`);
    expect(await running.line()).toBe(says);
    rmdirSync(`${host.cgroup}/from`);
    return { from, to, number, running };
  }

  test("of a process that was moved out of its control group stays for as long as its connection is open", async () => {
    await host.provision({
      modeOut: "block",
      policies: [allow({ subject: CLIENT })],
      subjects: subjects(CLIENT),
      loopbackEnforce: true,
    });
    const server = await host.start(serve("127.0.0.1", PORT, { read: 1 }), SERVER);
    const { from, to, number, running: client } = await leaving(WANDER, CLIENT, "moved");
    expect(statSync(`${host.cgroup}/to`, { bigint: true }).ino).toBe(to);

    expect(await twice()).toEqual([0, NEW_IDENTITIES_MIN]);
    expect(book.cgroupOf(number)).toBe(from);
    client.child.stdin?.write("\n");
    expect(await client.line()).toBe("other");
    meetMany(NEW_IDENTITIES_MIN, NEW_IDENTITIES_MIN);
    expect(await twice()).toEqual([0, NEW_IDENTITIES_MIN]);
    expect(book.cgroupOf(number)).toBe(from);

    await client.stop();
    await server.stop();
    meetMany(NEW_IDENTITIES_MIN, 2 * NEW_IDENTITIES_MIN);
    expect(await twice()).toEqual([0, NEW_IDENTITIES_MIN + 1]);
    rmdirSync(`${host.cgroup}/to`);
  });

  test("of a listener that was handed on stays for as long as the listener is there", async ({ skip }) => {
    skip(!host.has("dump_bound"), "no `dump_bound` on this kernel");
    const { from, number, running: server } = await leaving(HAND_ON, SERVER, "other");

    expect(await twice()).toEqual([0, NEW_IDENTITIES_MIN]);
    expect(book.cgroupOf(number)).toBe(from);
    await host.flows();
    expect(await host.ask(connect("127.0.0.1", PORT))).toMatchObject({ errno: 0 });
    const inbound = (await host.flows()).filter(({ direction }) => direction === "in");
    expect(inbound.map(({ identity }) => identity)).not.toContain(0);

    await server.stop();
    // The kernel takes its time to end what nobody accepted.
    const ended = async () => {
      meetMany(NEW_IDENTITIES_MIN, book.given());
      await twice();
      return book.cgroupOf(number);
    };
    await expect.poll(ended).toBeUndefined();
    rmdirSync(`${host.cgroup}/to`);
  });
});
