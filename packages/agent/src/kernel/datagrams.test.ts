/** Datagrams at both ends: what opens a flow is judged, what answers one is not. */
import { constants } from "node:os";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { denialsTold } from "./testing/events-told.ts";
import { TestHost, wire } from "./testing/host.ts";
import { address, allow, deny, peer, subjects, UDP } from "./testing/policies.ts";
import { echoDatagrams, python, sendDatagram } from "./testing/programs.ts";
import { SLOWNESS, whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const OTHER = 12;
const SERVER = 21;
const PORT = 5300;

interface Sent {
  readonly errno: number;
  readonly got: number;
}

/** Sends to 10.77.0.2 (or what stands for it) in `how`'s way and waits for an answer; prints {errno, got}. */
function sending(how: string, family = "AF_INET"): string[] {
  return python(
    `
errno, got = 0, 0
s = socket.socket(socket.${family}, socket.SOCK_DGRAM); s.settimeout(${0.3 * SLOWNESS})
try:
    ${how.replaceAll("\n", "\n    ")}
    got = len(s.recv(2048))
except OSError as problem: errno = problem.errno or -1
print(json.dumps({"errno": errno, "got": got}), flush=True)`,
  );
}

/** sendmmsg(2), which Python has not: two messages, each with its address. */
const SENDMMSG = `import ctypes, struct
class Iov(ctypes.Structure): _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]
class Msg(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(Iov)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int), ("len", ctypes.c_uint)]
libc = ctypes.CDLL(None, use_errno=True)
to = ctypes.create_string_buffer(struct.pack("=H", socket.AF_INET) + struct.pack("!H", ${PORT}) + socket.inet_aton("10.77.0.2") + b"\\0" * 8)
msgs = (Msg * 2)(*[Msg(ctypes.addressof(to), 16, ctypes.pointer(Iov(b"x" * 10, 10)), 1, None, 0, 0, 0) for _ in range(2)])
if libc.sendmmsg(s.fileno(), msgs, 2, 0) < 0: raise OSError(ctypes.get_errno(), "sendmmsg")`;

/** Ways to send a datagram; each is met by the sender's verdict and by the receiver's. */
const WAYS: readonly (readonly [way: string, argv: string[], ip: string])[] = [
  ["by sendto", sending(`s.sendto(b"x" * 10, ("10.77.0.2", ${PORT}))`), "10.77.0.2"],
  ["by sendmsg", sending(`s.sendmsg([b"x" * 10], [], 0, ("10.77.0.2", ${PORT}))`), "10.77.0.2"],
  ["by sendmmsg", sending(SENDMMSG), "10.77.0.2"],
  ["by a connected socket", sending(`s.connect(("10.77.0.2", ${PORT})); s.send(b"x" * 10)`), "10.77.0.2"],
  [
    "by a socket that was connected elsewhere before",
    sending(`s.connect(("10.77.0.1", 9)); s.connect(("10.77.0.2", ${PORT})); s.send(b"x" * 10)`),
    "10.77.0.2",
  ],
  [
    "by a connected socket that names its peer again",
    sending(`s.connect(("10.77.0.2", ${PORT})); s.sendto(b"x" * 10, ("10.77.0.2", ${PORT}))`),
    "10.77.0.2",
  ],
  ["over IPv6", sending(`s.sendto(b"x" * 10, ("fd77::2", ${PORT}))`, "AF_INET6"), "fd77::2"],
  [
    "over IPv4 by an IPv6 socket",
    sending(`s.sendto(b"x" * 10, ("::ffff:10.77.0.2", ${PORT}))`, "AF_INET6"),
    "10.77.0.2",
  ],
];

describe.skipIf(whyNoKernelTests("datagrams.test.ts"))("datagrams", () => {
  let a: TestHost;
  let b: TestHost;
  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    await b.start(echoDatagrams("10.77.0.2", PORT), SERVER);
    await b.start(echoDatagrams("fd77::2", PORT), SERVER);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const out = { proto: UDP, subject: CLIENT, port: PORT, portBits: 16, rule: 3 };
  const into = { ...out, direction: "in", subject: SERVER, peer: 4, rule: 8 } as const;
  const fromA = [peer("10.77.0.1", 4), peer("fd77::1", 4)];
  const open = (host: TestHost): Promise<void> => host.provision({ modeIn: "ungoverned" });

  describe("sent", () => {
    beforeAll(() => open(b));
    test.each(WAYS)(
      "%s pass when allowed, with their answers, and are refused else",
      async (_way, argv, ip) => {
        await a.provision({
          modeOut: "block",
          modeIn: "block",
          policies: [allow(out), allow({ ...out, subject: OTHER, port: 9 }), allow({ ...out, port: 9 })],
          subjects: subjects(CLIENT, OTHER),
        });
        await a.flows();
        expect(await a.ask<Sent>(argv, CLIENT)).toEqual({ errno: 0, got: 10 });
        const passed = (await a.flows()).filter((flow) => flow.port === PORT);
        expect(passed.reduce((sum, flow) => sum + flow.count, 0n)).toBe(1n);
        for (const flow of passed)
          expect(flow).toMatchObject({ identity: CLIENT, rule: 3, verdict: "allowed", direction: "out" });
        expect(passed[0]?.address).toEqual(address(ip));

        expect((await a.ask<Sent>(argv, OTHER)).errno).toBe(a.refusal);
        const refused = (await a.flows()).filter((flow) => flow.port === PORT);
        expect(refused.map((flow) => [flow.identity, flow.verdict])).toEqual([[OTHER, "blocked"]]);
      },
    );
  });

  describe("received", () => {
    beforeAll(() => open(a));
    test.each(WAYS)("%s pass when allowed, and else are answered by an error", async (_way, argv, ip) => {
      await b.provision({
        modeIn: "block",
        modeOut: "block",
        policies: [allow(into)],
        peers: fromA,
        subjects: subjects(SERVER),
      });
      await b.flows();
      expect(await a.ask<Sent>(argv, CLIENT)).toEqual({ errno: 0, got: 10 });
      const passed = await b.flows();
      expect(passed.reduce((sum, flow) => sum + flow.count, 0n)).toBe(1n);
      for (const flow of passed)
        expect(flow).toMatchObject({ identity: SERVER, rule: 8, verdict: "allowed", direction: "in" });
      expect(passed[0]?.address).toEqual(address(ip.replace(/2$/, "1")));
      expect(passed.reduce((sum, flow) => sum + flow.bytesIn, 0n)).toBe(
        passed.reduce((sum, flow) => sum + flow.bytesOut, 0n),
      );

      await b.provision({ modeIn: "block", peers: fromA, subjects: subjects(SERVER) });
      b.events.length = 0;
      expect((await a.ask<Sent>(argv, CLIENT)).got).toBe(0);
      const refused = await b.flows();
      expect(refused.map((flow) => [flow.identity, flow.verdict, flow.count])).toEqual([
        [SERVER, "blocked", 1n],
      ]);
      const denial = { direction: "in", identity: SERVER, port: PORT, proto: UDP };
      expect(await denialsTold(b)).toMatchObject([denial]);
    });

    test("and refused tell a connected client at once", async ({ skip }) => {
      await b.provision({ modeIn: "block", subjects: subjects(SERVER) });
      const argv = sendDatagram("10.77.0.2", PORT, { connected: true, answer: true });
      await a.ask<Sent>(argv, CLIENT);
      skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
      expect(await a.ask<Sent>(argv, CLIENT)).toEqual({ errno: constants.errno.ECONNREFUSED, got: 0 });
    });

    test("are only recorded in observe, told in alert, and refused by an immediate deny", async () => {
      const argv = sendDatagram("10.77.0.2", PORT, { answer: true });
      for (const [modeIn, verdict] of [
        ["observe", "wouldBlock"],
        ["alert", "wouldBlockAlert"],
      ] as const) {
        await b.provision({ modeIn, subjects: subjects(SERVER) });
        await b.flows();
        b.events.length = 0;
        expect((await a.ask<Sent>(argv, CLIENT)).got).toBe(10);
        expect((await b.flows()).map((flow) => flow.verdict)).toContain(verdict);
        expect((await denialsTold(b)).length > 0).toBe(modeIn === "alert");
      }
      const policies = [deny({ ...into, peer: 0xffffffff, immediate: true, rule: 9 })];
      await b.provision({ modeIn: "observe", policies, subjects: subjects(SERVER) });
      await b.flows();
      expect((await a.ask<Sent>(argv, CLIENT)).got).toBe(0);
      expect(await b.flows()).toMatchObject([{ verdict: "blocked", reason: "immediateDeny", rule: 9 }]);
    });
  });

  describe("of a flow", () => {
    /** Binds, sends to port 9 of 10.77.0.1 or nowhere; told that one was thrown, waits for a datagram; prints {got}. */
    const waiting = (first: string): string[] =>
      python(`
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.77.0.2", 7000)); s.settimeout(${0.5 * SLOWNESS})
${first}
print("ready", flush=True); sys.stdin.readline()
got = 0
try: got = len(s.recv(2048))
except OSError: pass
print(json.dumps({"got": got}), flush=True)`);
    const throwAt = (port: number): string[] =>
      python(
        `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.77.0.1", int(args[0])))
s.sendto(b"x" * 10, ("10.77.0.2", 7000)); print(json.dumps({"errno": 0}), flush=True)`,
        String(port),
      );
    beforeEach(async () => {
      await open(a);
      await b.provision({
        modeIn: "block",
        modeOut: "block",
        policies: [allow({ ...out, subject: SERVER, port: 9 })],
        subjects: subjects(SERVER),
      });
    });

    test.each([
      ["that we opened pass", `s.sendto(b"x", ("10.77.0.1", 9))`, 9, 10],
      ["from another port of the same peer don't", `s.sendto(b"x", ("10.77.0.1", 9))`, 10, 0],
      ["that nobody opened don't", "", 9, 0],
      ["that connect() alone has not opened don't", `s.connect(("10.77.0.1", 9))`, 9, 0],
    ])("%s", async (_what, first, port, got) => {
      const server = await b.start(waiting(first), SERVER);
      await a.ask(throwAt(port), CLIENT);
      server.child.stdin?.write("\n");
      expect(JSON.parse(await server.line())).toEqual({ got });
      await server.stop();
    });
  });

  test("of UDP-Lite are no UDP to a rule, and flows all the same", async () => {
    const UDP_LITE = 136;
    const lite = "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136)";
    const server = await b.start(
      python(`
${lite}; s.bind(("10.77.0.2", 5305)); print("ready", flush=True)
while True: s.sendto(*s.recvfrom(100))`),
      SERVER,
    );
    const asking = python(`
${lite}; s.settimeout(${0.5 * SLOWNESS}); errno, got = 0, 0
try:
    for _ in range(3): s.sendto(b"x" * 10, ("10.77.0.2", 5305)); got += len(s.recv(20))
except OSError as problem: errno = problem.errno or -1
print(json.dumps({"errno": errno, "got": got}), flush=True)`);
    await open(a);
    const policies = [allow({ ...into, peer: 0xffffffff, port: 5305 })];
    for (const [modeIn, got, verdict, count] of [
      ["observe", 30, "wouldBlock", 1n],
      ["block", 0, "blocked", 1n],
    ] as const) {
      await b.provision({ modeIn, modeOut: "block", policies, subjects: subjects(SERVER) });
      await b.flows();
      expect((await a.ask<Sent>(asking, CLIENT)).got).toBe(got);
      const flows = (await b.flows()).filter((flow) => flow.count > 0n);
      expect(flows).toMatchObject([{ proto: UDP_LITE, direction: "in", verdict, count }]);
    }
    await server.stop();
  });

  /** Sends 10 bytes 40 times by each of `sockets` sockets to each of the ports, in turn, and waits for each answer. */
  const inTurn = (sockets: number, ports: readonly number[]): string[] =>
    python(`
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(${sockets})]
got = 0
for _ in range(40):
    for s in sockets:
        for port in ${JSON.stringify(ports)}:
            s.settimeout(${2 * SLOWNESS}); s.sendto(b"x" * 10, ("10.77.0.2", port)); got += len(s.recv(20))
print(json.dumps({"errno": 0, "got": got}), flush=True)`);

  test.each([
    ["by one socket to many", 1, [5302, 5303, 5304]],
    ["by many sockets to one", 3, [5302]],
  ] as const)("%s are one flow for each pair, with all of their bytes", async (_what, sockets, ports) => {
    const servers = await Promise.all(ports.map((port) => b.start(echoDatagrams("10.77.0.2", port), SERVER)));
    const rules = ports.map((port) => ({ proto: UDP, port, portBits: 16 }));
    const modes = { modeIn: "block", modeOut: "block" } as const;
    await a.provision({ ...modes, policies: rules.map(allow), subjects: subjects(CLIENT) });
    const policies = rules.map((rule) => allow({ ...rule, direction: "in" }));
    await b.provision({ ...modes, policies, subjects: subjects(SERVER) });
    await a.flows();
    await b.flows();
    const pairs = sockets * ports.length;
    expect(await a.ask<Sent>(inTurn(sockets, ports), CLIENT)).toEqual({ errno: 0, got: 400 * pairs });
    await Promise.all(servers.map((server) => server.stop()));
    for (const host of [a, b]) {
      const flows = await host.flows();
      const sum = (of: (flow: (typeof flows)[number]) => bigint): number =>
        Number(flows.reduce((total, flow) => total + of(flow), 0n));
      expect(sum((flow) => flow.count)).toBe(pairs);
      expect(sum((flow) => flow.bytesOut)).toBe(400 * pairs);
      expect(sum((flow) => flow.bytesIn)).toBe(400 * pairs);
    }
  });

  test("are answered from the address that they came to, on a socket bound to all", async () => {
    b.ip("addr", "add", "10.77.0.3/24", "dev", "wire0");
    const everywhere = python(`
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.IPPROTO_IP, 8, 1); s.bind(("", 5301))
print("ready", flush=True)
while True:
    data, control, _, peer = s.recvmsg(2048, 64)
    s.sendmsg([data], [(socket.IPPROTO_IP, 8, control[0][2])], 0, peer)`);
    const server = await b.start(everywhere, SERVER);
    await open(a);
    const policies = [allow({ ...into, port: 5301 })];
    await b.provision({
      modeIn: "block",
      modeOut: "block",
      policies,
      peers: fromA,
      subjects: subjects(SERVER),
    });
    for (const ip of ["10.77.0.2", "10.77.0.3"]) {
      const argv = sendDatagram(ip, 5301, { connected: true, answer: true, times: 2 });
      expect(await a.ask<Sent>(argv, CLIENT)).toEqual({ errno: 0, got: 20 });
    }
    await server.stop();
  });
});

describe.skipIf(whyNoKernelTests("datagrams.test.ts"))("the table of datagram flows", () => {
  let host: TestHost;
  beforeAll(() => {
    host = new TestHost("c");
    host.unload();
    host.reload("--reply-seconds", "1");
  });
  afterAll(async () => host.close());

  test("forgets a flow after its time: what comes then is judged", async () => {
    await host.provision({
      modeIn: "block",
      loopbackEnforce: true,
      policies: [allow({ direction: "in", proto: UDP, subject: SERVER })],
      subjects: subjects(CLIENT, SERVER),
    });
    /** Answers at once, and again when it is told to. */
    const late = python(`
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 5400)); print("ready", flush=True)
data, peer = s.recvfrom(100); s.sendto(b"1", peer)
sys.stdin.readline(); s.sendto(b"2", peer); print("sent", flush=True); sys.stdin.readline()`);
    const server = await host.start(late, SERVER);
    const asking = python(`
import time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 5401)); s.settimeout(${SLOWNESS})
s.sendto(b"x", ("127.0.0.1", 5400)); first = s.recv(10).decode(); print("ready", flush=True)
sys.stdin.readline()
try: second = s.recv(10).decode()
except OSError: second = ""
print(json.dumps([first, second]), flush=True)`);
    const client = await host.start(asking, CLIENT);
    // The flow's time is one second here; the clock is what is tested.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    server.child.stdin?.write("\n");
    expect(await server.line()).toBe("sent");
    client.child.stdin?.write("\n");
    expect(JSON.parse(await client.line())).toEqual(["1", ""]);
    await server.stop();
    await client.stop();
  });

  test("forgets it for a socket that was connected to answer as well", async () => {
    const into = allow({ direction: "in", proto: UDP, subject: SERVER });
    await host.provision({
      modeIn: "block",
      modeOut: "block",
      loopbackEnforce: true,
      policies: [into, allow({ proto: UDP, subject: CLIENT })],
      subjects: subjects(CLIENT, SERVER),
    });
    const { noState } = host.kernel.counters();
    const server = await host.start(
      python(`
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 5402)); print("ready", flush=True)
s.connect(s.recvfrom(100)[1]); print("connected", flush=True); sys.stdin.readline()
try: s.send(b"1"); print(0, flush=True)
except OSError as problem: print(problem.errno, flush=True)
sys.stdin.readline()`),
      SERVER,
    );
    const client = await host.start(
      python(`
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"x", ("127.0.0.1", 5402)); print("ready", flush=True)
sys.stdin.readline()`),
      CLIENT,
    );
    expect(await server.line()).toBe("connected");
    // As above.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    server.child.stdin?.write("\n");
    expect(Number(await server.line())).toBe(constants.errno.EPERM);
    expect(host.kernel.counters().noState).toBe(noState);
    await server.stop();
    await client.stop();
  });

  test("counts living flows that give their place, and records every flow all the same", async () => {
    const FLOWS = 30_000;
    await host.provision({ modeOut: "observe", subjects: subjects(CLIENT) });
    await host.flows();
    const many = python(`s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1000, ${1000 + FLOWS}): s.sendto(b"x", ("127.0.0.1", port))
print(json.dumps({"errno": 0}), flush=True)`);
    await host.ask(many, CLIENT);
    const flows = (await host.flows()).filter((flow) => flow.direction === "out");
    expect(flows).toHaveLength(FLOWS);
    expect(host.kernel.counters().datagramsEvicted).toBeGreaterThan(0n);
  });
});
