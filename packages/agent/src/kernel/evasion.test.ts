/** Other ways to the same peer meet the same verdict, and a full map changes none. */
import { constants } from "node:os";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TestHost } from "./testing/host.ts";
import { address, allow, subjects, UDP } from "./testing/policies.ts";
import { connect, python, serve } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const MSG_FASTOPEN = 0x20000000;
const IPPROTO_MPTCP = 262;
const CLIENT = 11;
const SERVER = 21;

/** Runs `lines` and prints the error number that they meet, 0 for none. */
function attempt(lines: string): string[] {
  const body = lines.replaceAll("\n", "\n    ");
  return python(`
error = 0
try:
    ${body}
except OSError as problem:
    error = problem.errno or -1
print(json.dumps({"errno": error}), flush=True)`);
}

describe.skipIf(whyNoKernelTests("evasion.test.ts"))("a program that is denied", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = new TestHost("a");
    await host.start(serve("127.0.0.1", 8000), SERVER);
  });
  afterAll(async () => host.close());
  beforeEach(async () => {
    const policies = [allow({ subject: CLIENT, port: 9999, portBits: 16 })];
    await host.provision({ modeOut: "block", loopbackEnforce: true, policies, subjects: subjects(CLIENT) });
    await host.flows();
  });

  const target = address("127.0.0.1");

  test.for([
    [
      "by multipath TCP",
      `socket.socket(socket.AF_INET, socket.SOCK_STREAM, ${IPPROTO_MPTCP}).connect(("127.0.0.1", 8000))`,
    ],
    ["by data in the SYN", `socket.socket().sendto(b"x", ${MSG_FASTOPEN}, ("127.0.0.1", 8000))`],
    [
      "by an IPv4 address in an IPv6 socket",
      `socket.socket(socket.AF_INET6).connect(("::ffff:127.0.0.1", 8000))`,
    ],
    ["by the unspecified address", `socket.socket().connect(("0.0.0.0", 8000))`],
    [
      "after a first connection that was refused",
      `s = socket.socket()\ns.connect_ex(("127.0.0.1", 8000))\ns.connect(("127.0.0.1", 8000))`,
    ],
    ["from a bound port", `s = socket.socket()\ns.bind(("127.0.0.1", 0))\ns.connect(("127.0.0.1", 8000))`],
  ] as const)("does not get through %s", async ([how, lines], { skip }) => {
    const answer = await host.ask<{ errno: number }>(attempt(lines), CLIENT);
    skip(
      how === "by multipath TCP" && answer.errno === constants.errno.EPROTONOSUPPORT,
      "no multipath TCP on this kernel",
    );
    expect(answer).toEqual({ errno: host.refusal });
    const [flow] = await host.flows();
    expect(flow).toMatchObject({ identity: CLIENT, port: 8000, verdict: "blocked", state: "denied" });
    expect(flow?.address).toEqual(target);
  });

  test.each([
    ["by sendto", `socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 53))`],
    [
      "by sendmsg",
      `socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg([b"x"], [], 0, ("127.0.0.1", 53))`,
    ],
    [
      "by an IPv6 socket",
      `socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("::ffff:127.0.0.1", 53))`,
    ],
  ])("sends no datagram %s", async (_how, lines) => {
    expect(await host.ask(attempt(lines), CLIENT)).toEqual({ errno: host.refusal });
    expect((await host.flows())[0]).toMatchObject({ proto: UDP, port: 53, verdict: "blocked" });
  });

  test("sends no datagram to another peer than the one it may", async () => {
    const policies = [allow({ subject: CLIENT, proto: UDP, port: 5300, portBits: 16 })];
    await host.provision({ modeOut: "block", loopbackEnforce: true, policies, subjects: subjects(CLIENT) });
    const lines = `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in (5300, 5300, 5301): s.sendto(b"x", ("127.0.0.1", port))`;
    expect(await host.ask(attempt(lines), CLIENT)).toEqual({ errno: host.refusal });
    const flows = await host.flows();
    expect(flows.map((flow) => [flow.port, flow.verdict]).sort()).toEqual(
      expect.arrayContaining([
        [5300, "allowed"],
        [5301, "blocked"],
      ]),
    );
  });
});

describe.skipIf(whyNoKernelTests("evasion.test.ts"))("a flow buffer that is full", () => {
  const ENTRIES = 64;
  const PEERS = 200;
  let host: TestHost;
  beforeAll(() => {
    host = new TestHost("b");
    host.unload();
    host.reload("--flow-entries", String(ENTRIES));
  });
  afterAll(async () => host.close());

  test("counts what it loses and changes no verdict", async () => {
    await host.provision({ modeOut: "observe", subjects: subjects(CLIENT) });
    const lines = `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1000, ${1000 + PEERS}): s.sendto(b"x", ("127.0.0.1", port))`;
    expect(await host.ask(attempt(lines), CLIENT)).toEqual({ errno: 0 });
    const flows = await host.flows();
    expect(flows.length).toBeLessThanOrEqual(ENTRIES);
    expect(host.kernel.counters().flowsFull).toBeGreaterThanOrEqual(BigInt(PEERS - ENTRIES));
    await host.provision({ modeOut: "block", loopbackEnforce: true, subjects: subjects(CLIENT) });
    expect(await host.ask(connect("127.0.0.1", 8000), CLIENT)).toMatchObject({ errno: host.refusal });
  });
});

describe.skipIf(whyNoKernelTests("evasion.test.ts"))("a table of connections that is full", () => {
  const ENTRIES = 8;
  let host: TestHost;
  beforeAll(async () => {
    host = new TestHost("c");
    host.unload();
    host.reload("--connections", String(ENTRIES));
    await host.start(serve("127.0.0.1", 8000), SERVER);
  });
  afterAll(async () => host.close());

  /** Keeps many sockets open, then connects once more. */
  const crowded = python(`
crowd = [socket.create_connection(("127.0.0.1", 8000)) for _ in range(40)]
print(json.dumps({"errno": 0}), flush=True)`);

  test("counts what it can't follow and changes no verdict", async () => {
    const policies = [allow({ subject: CLIENT, port: 8000, portBits: 16 })];
    await host.provision({ modeOut: "block", loopbackEnforce: true, policies, subjects: subjects(CLIENT) });
    await host.flows();
    expect(await host.ask(crowded, CLIENT)).toEqual({ errno: 0 });
    expect(host.kernel.counters().connectionsFull).toBeGreaterThan(0n);
    const out = (await host.flows()).filter((flow) => flow.direction === "out");
    expect(out.reduce((sum, flow) => sum + flow.count, 0n)).toBe(40n);
    expect(new Set(out.map((flow) => flow.state))).toContain("attempted");
    expect(await host.ask(connect("127.0.0.1", 8000), 12)).toMatchObject({ errno: host.refusal });
  });

  test("follows connections again once there is room", async () => {
    await host.flows();
    const before = host.kernel.counters().connectionsFull;
    expect(await host.ask(connect("127.0.0.1", 8000), CLIENT)).toMatchObject({ errno: 0 });
    const flows = (await host.flows()).filter((flow) => flow.identity === CLIENT);
    expect(flows.map((flow) => flow.state)).toEqual(["established"]);
    expect(host.kernel.counters().connectionsFull).toBe(before);
  });

  test.each([
    ["had no route", "192.0.2.1", "ENETUNREACH"],
    ["nobody took", "127.0.0.2", "ECONNREFUSED"],
    ["is over", "127.0.0.1", undefined],
  ] as const)("keeps no room for what %s", async (_what, to, error) => {
    const before = host.kernel.counters().connectionsFull;
    const oneByOne = python(`
def turn():
    s = socket.socket()
    got = s.connect_ex(("${to}", 8000))
    if got == 0: s.recv(1)
    s.close()
    return got
print(json.dumps({"errnos": list({turn() for _ in range(${8 * ENTRIES})})}), flush=True)`);
    const errno = error === undefined ? 0 : constants.errno[error];
    expect(await host.ask(oneByOne, CLIENT)).toEqual({ errnos: [errno] });
    expect(host.kernel.counters().connectionsFull).toBe(before);
  });
});
