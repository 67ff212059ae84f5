/** Sockets that are older than the programs: taken over, recorded, cut like others. */
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { constants } from "node:os";
import { setImmediate as turnOver } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Running, TestHost, wire } from "./testing/host.ts";
import { allow, deny, subjects, TCP, UDP } from "./testing/policies.ts";
import { python } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const { ECONNABORTED, ECONNRESET, EPERM } = constants.errno;
const CLIENT = 11;
const PORT = 8400;
/** Client and server in one: for each line N it makes N connections to itself, as fast as it can. */
const LOAD = fileURLToPath(new URL("../../build/connect-load", import.meta.url));

/** Echoes over TCP and UDP, one TCP peer at a time. */
const ECHO = python(`
import select
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("10.77.0.2", ${PORT}))
t = socket.socket(); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); t.bind(("10.77.0.2", ${PORT})); t.listen(8)
open_ones = [t, u]; print("ready", flush=True)
while True:
    for s in select.select(open_ones, [], [])[0]:
        try:
            if s is t: open_ones.append(t.accept()[0])
            elif s is u: u.sendto(*u.recvfrom(100))
            else:
                data = s.recv(100)
                if data: s.send(data)
                else: open_ones.remove(s); s.close()
        except OSError:
            if s is not u: open_ones.remove(s); s.close()`);

/** Connects, prints "ready", and for each line sends a byte and prints the error of its echo. */
function talking(kind: "STREAM" | "DGRAM"): string[] {
  return python(`
s = socket.socket(socket.AF_INET, socket.SOCK_${kind}); s.settimeout(1); s.connect(("10.77.0.2", ${PORT}))
def turn():
    try:
        s.send(b"x")
        return 0 if s.recv(10) else -1
    except TimeoutError: return -2
    except OSError as problem: return problem.errno
print("ready" if turn() == 0 else "failed", flush=True)
for line in sys.stdin: print(turn(), flush=True)`);
}

/** The inode of a socket that is made now; they count up, in steps. */
function newestSocket(): number {
  const program = "import os, socket; s = socket.socket(); print(os.fstat(s.fileno()).st_ino)";
  return Number(execFileSync("/usr/bin/python3", ["-I", "-c", program]));
}

/** Says of a process that is older than the programs what it is. */
function known(host: TestHost, tgid: number): void {
  const cgroupId = statSync(host.cgroup, { bigint: true }).ino;
  host.kernel.seedTask(tgid, {
    execNs: host.kernel.bootNs(),
    execTgid: tgid,
    exeId: CLIENT,
    scriptId: 0,
    cgroupId,
    ppid: 1,
    pending: false,
    agent: false,
    unattributable: false,
  });
  host.kernel.setIdentity({ exeId: CLIENT, scriptId: 0, uid: 0, cgroupId }, CLIENT);
}

describe.skipIf(whyNoKernelTests("older.test.ts"))("a connection that is older than the programs", () => {
  let a: TestHost;
  let b: TestHost;
  let running: Running | undefined;
  let echo: Running;
  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    echo = await b.start(ECHO, CLIENT);
  });
  afterEach(async () => running?.stop());
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const turn = async (): Promise<number> => {
    running?.child.stdin?.write("\n");
    return Number(await running?.line());
  };
  /** Opens a connection on hosts without programs, then loads them on `host` and says who its process is. */
  const olderOn = async (host: TestHost, kind: "STREAM" | "DGRAM"): Promise<number> => {
    for (const end of [a, b]) await end.provision({});
    running = await a.start(talking(kind), CLIENT);
    const tgid = (host === a ? running : echo).child.pid ?? 0;
    host.unload();
    host.reload();
    known(host, tgid);
    return tgid;
  };

  test.each([
    ["outbound", "out", "modeOut"],
    ["inbound", "in", "modeIn"],
  ] as const)("is recorded by its name and verdict, %s, once", async (_what, direction, mode) => {
    const host = direction === "out" ? a : b;
    const tgid = await olderOn(host, "STREAM");
    await host.provision({
      [mode]: "block",
      subjects: subjects(CLIENT),
      policies: [allow({ direction, port: PORT, portBits: 16, rule: 5 })],
    });
    expect(host.adopt(tgid)).toBe(1);
    expect(host.adopt(tgid)).toBe(0);
    expect(await turn()).toBe(0);
    expect(await host.flows()).toMatchObject([
      { identity: CLIENT, direction, port: PORT, proto: TCP, rule: 5, verdict: "allowed", count: 1n },
    ]);
  });

  test("is not refused by taking it over, and is cut by a revision that says so", async () => {
    const tgid = await olderOn(a, "STREAM");
    const strict = { modeOut: "block", subjects: subjects(CLIENT), policies: [deny({ rule: 7 })] } as const;
    await a.provision(strict);
    expect(a.adopt(tgid)).toBe(1);
    expect(await turn()).toBe(0);
    expect(await a.flows()).toMatchObject([{ verdict: "wouldBlock", rule: 7 }]);
    await a.provision({ ...strict, cutEstablished: true });
    expect(a.cut()).toBe(1);
    expect([ECONNABORTED, ECONNRESET]).toContain(await turn());
  });

  test("of datagrams is judged when it sends", async () => {
    const tgid = await olderOn(a, "DGRAM");
    await a.provision({
      modeOut: "block",
      subjects: subjects(CLIENT),
      policies: [allow({ proto: UDP, rule: 6 })],
    });
    expect(a.adopt(tgid)).toBe(1);
    expect(await turn()).toBe(0);
    await a.provision({ modeOut: "block", cutEstablished: true, subjects: subjects(CLIENT) });
    expect(await turn()).toBe(EPERM);
    expect((await a.flows()).map(({ verdict, proto }) => [verdict, proto])).toEqual(
      expect.arrayContaining([
        ["allowed", UDP],
        ["blocked", UDP],
      ]),
    );
  });

  test("is counted only where there is room to remember it, so never twice", async () => {
    const COUNT = 200;
    const LINES = `
open_ones = [socket.create_connection(("10.77.0.2", ${PORT})) for _ in range(${COUNT})]
print("ready", flush=True)
sys.stdin.read()`;
    for (const end of [a, b]) await end.provision({});
    running = await a.start(python(LINES), CLIENT);
    a.unload();
    a.reload("--connections", "16");
    known(a, running.child.pid ?? 0);
    await a.provision({ subjects: subjects(CLIENT) });
    const before = a.kernel.counters().connectionsFull;
    const adopted = a.adopt(running.child.pid ?? 0);
    expect(adopted).toBeGreaterThan(0);
    expect(adopted).toBeLessThan(COUNT);
    expect(a.kernel.counters().connectionsFull - before).toBe(BigInt(COUNT - adopted));
    expect(a.adopt(running.child.pid ?? 0)).toBe(0);
    expect(await a.flows()).toMatchObject([{ direction: "out", count: BigInt(adopted) }]);
    a.unload();
    a.reload();
  });

  test("is not taken for one that they met, which closes while they are asked about it", async () => {
    const CONNECTIONS = 30_000;
    await a.provision({ subjects: subjects(CLIENT) });
    running = await a.start([LOAD], CLIENT);
    running.child.stdin?.write(`${CONNECTIONS}\n`);
    let ended = false;
    const end = running.line().finally(() => {
      ended = true;
    });
    while (!ended) {
      // Sockets of the load come and go within 0.1 ms, so it is said to own all that may come.
      const newest = newestSocket();
      const inodes = Array.from({ length: 20_000 }, (_, nth) => newest - 5_000 + nth);
      a.adopt(running.child.pid ?? 0, inodes);
      await turnOver();
    }
    await end;
    const flows = await a.flows();
    for (const direction of ["in", "out"]) {
      const counts = flows.filter((flow) => flow.direction === direction).map(({ count }) => Number(count));
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(CONNECTIONS);
    }
  });
});
