/** Open connections meet a revision that denies them: kept by default, cut where the segment says so. */
import { constants } from "node:os";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { PolicyEntry } from "./contract.ts";
import { denialsTold } from "./testing/events-told.ts";
import { type Running, TestHost, wire } from "./testing/host.ts";
import { allow, deny, subjects, TCP, UDP } from "./testing/policies.ts";
import { python } from "./testing/programs.ts";
import { SLOWNESS, whyNoKernelTests } from "./testing/requirements.ts";

const { EPERM, ECONNABORTED, ECONNRESET, EAGAIN } = constants.errno;
const CLIENT = 11;
const SERVER = 21;
const PORT = 8300;
const OK = 0;

/** Sends back what comes, over TCP and UDP, to any number of peers at once. */
const ECHO = python(
  `
import selectors
family = socket.AF_INET6 if ":" in args[0] else socket.AF_INET
poll = selectors.DefaultSelector()
def listen(kind):
    s = socket.socket(family, kind); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((args[0], ${PORT}))
    return s
tcp, udp = listen(socket.SOCK_STREAM), listen(socket.SOCK_DGRAM)
tcp.listen(8); poll.register(tcp, 1); poll.register(udp, 1); print("ready", flush=True)
while True:
    for key, _ in poll.select():
        s = key.fileobj
        try:
            if s is tcp: poll.register(s.accept()[0], 1)
            elif s is udp: s.sendto(*s.recvfrom(100))
            else:
                data = s.recv(100)
                if data: s.send(data)
                else: poll.unregister(s); s.close()
        except OSError as problem:
            if s is not udp: poll.unregister(s); s.close()`,
);

/** Connects, and for each line it reads sends a byte and prints the error of that or of the missing answer. */
function talking(kind: "STREAM" | "DGRAM", family: string, ip: string): string[] {
  return python(`
s = socket.socket(socket.${family}, socket.SOCK_${kind}); s.settimeout(${5 * SLOWNESS}); s.connect(("${ip}", ${PORT})); s.settimeout(${0.5 * SLOWNESS})
def turn():
    try:
        s.send(b"x")
        return 0 if s.recv(10) else -1
    except TimeoutError: return ${EAGAIN}
    except OSError as problem: return problem.errno
print("ready" if turn() == 0 else "failed", flush=True)
for line in sys.stdin: print(turn(), flush=True)`);
}

/** kind, family, address to connect to, and the address that the server is bound to. */
const CONNECTIONS = [
  ["TCP", "STREAM", "AF_INET", "10.77.0.2", "10.77.0.2"],
  ["TCP over IPv6", "STREAM", "AF_INET6", "fd77::2", "fd77::2"],
  ["TCP over IPv4 in an IPv6 socket", "STREAM", "AF_INET6", "::ffff:10.77.0.2", "10.77.0.2"],
  ["connected UDP", "DGRAM", "AF_INET", "10.77.0.2", "10.77.0.2"],
  ["connected UDP over IPv6", "DGRAM", "AF_INET6", "fd77::2", "fd77::2"],
] as const;

describe.skipIf(whyNoKernelTests("cut.test.ts"))("an open connection that a new revision denies", () => {
  let a: TestHost;
  let b: TestHost;
  const open: Running[] = [];
  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    await b.start([...ECHO, "10.77.0.2"], SERVER);
    await b.start([...ECHO, "fd77::2"], SERVER);
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.stop();
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const entries = (direction: "in" | "out", action: typeof allow, rule: number): PolicyEntry[] =>
    [TCP, UDP].map((proto) => action({ direction, proto, port: PORT, portBits: 16, rule }));
  const known = { subjects: subjects(CLIENT, SERVER) };
  const turn = async (running: Running): Promise<number> => {
    running.child.stdin?.write("\n");
    return Number(await running.line());
  };
  /** A connection under a revision that allows it, at one end that judges. */
  const connected = async (end: "sender" | "receiver", argv: string[]): Promise<Running> => {
    const [host, other] = end === "sender" ? [a, b] : [b, a];
    await other.provision({});
    const direction = end === "sender" ? "out" : "in";
    const mode = end === "sender" ? "modeOut" : "modeIn";
    await host.provision({ [mode]: "block", ...known, policies: entries(direction, allow, 3) });
    const running = await a.start(argv, CLIENT);
    open.push(running);
    expect(await turn(running)).toBe(OK);
    await host.flows();
    host.events.length = 0;
    return running;
  };

  describe.each(["sender", "receiver"] as const)("judged by the %s", (end) => {
    const host = (): TestHost => (end === "sender" ? a : b);
    const direction = end === "sender" ? "out" : "in";
    const mode = end === "sender" ? "modeOut" : "modeIn";
    const identity = end === "sender" ? CLIENT : SERVER;

    test.each(CONNECTIONS)("%s is cut where the segment says so", async (_what, kind, family, ip) => {
      const running = await connected(end, talking(kind, family, ip));
      const policies = entries(direction, deny, 7);
      await host().provision({ [mode]: "block", cutEstablished: true, ...known, policies });
      expect(host().cut()).toBe(kind === "STREAM" ? 1 : 0);
      // TCP ends at once; a datagram socket learns at its next send, its peer by silence.
      const gone = kind === "STREAM" ? [ECONNABORTED, ECONNRESET] : end === "sender" ? [EPERM] : [EAGAIN];
      expect(gone).toContain(await turn(running));
      const flows = (await host().flows()).filter((flow) => flow.reason === "cut");
      expect(flows).toMatchObject([{ identity, rule: 7, verdict: "blocked", state: "denied", count: 1n }]);
      expect((await denialsTold(host()))[0]).toMatchObject({ identity, rule: 7, reason: "cut", direction });
    });

    test.each(CONNECTIONS)(
      "%s goes on by default, without the rule it had",
      async (_what, kind, family, ip) => {
        const running = await connected(end, talking(kind, family, ip));
        await host().provision({ [mode]: "block", ...known, policies: entries(direction, deny, 7) });
        expect(await turn(running)).toBe(OK);
        await running.stop();
        const flows = await host().flows();
        expect(
          flows.map(({ verdict, reason, rule, count }) => ({ verdict, reason, rule, count })),
        ).toContainEqual({
          verdict: "allowed",
          reason: "kept",
          rule: 0,
          count: 0n,
        });
        expect(flows.some((flow) => flow.verdict === "blocked")).toBe(false);
      },
    );
  });

  /** Connects to the last of `peers` that have sent to it, answers, and for each line prints the error of another answer. */
  const connectedServer = (peers: number): string[] =>
    python(`
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.77.0.2", 8301)); print("ready", flush=True)
for _ in range(${peers}): peer = s.recvfrom(10)[1]
s.connect(peer)
def answer():
    try: s.send(b"y"); return 0
    except OSError as problem: return problem.errno
print(answer(), flush=True)
for line in sys.stdin: print(answer(), flush=True)`);
  const askers = (peers: number): string[] =>
    python(`
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(${peers})]
for s in sockets: s.settimeout(${5 * SLOWNESS}); s.sendto(b"x", ("10.77.0.2", 8301))
print("ready" if sockets[-1].recv(10) == b"y" else "failed", flush=True)
sys.stdin.readline()`);

  test.each([
    ["its only flow", 1],
    ["a flow beside others", 3],
  ])(
    "of a datagram socket that was connected to answer, in %s, can't be answered any more",
    async (_what, peers) => {
      const asked = (action: typeof allow): PolicyEntry[] => [
        action({ direction: "in", proto: UDP, port: 8301, portBits: 16, rule: 4 }),
      ];
      await a.provision({});
      await b.provision({ modeIn: "block", modeOut: "block", ...known, policies: asked(allow) });
      const server = await b.start(connectedServer(peers), SERVER);
      open.push(server, await a.start(askers(peers), CLIENT));
      expect(Number(await server.line())).toBe(OK);
      expect(await turn(server)).toBe(OK);
      const { noState } = b.kernel.counters();
      await b.flows();
      await b.provision({
        modeIn: "block",
        modeOut: "block",
        cutEstablished: true,
        ...known,
        policies: asked(deny),
      });
      for (let i = 0; i < 3; i++) expect(await turn(server)).toBe(EPERM);
      expect(b.kernel.counters().noState).toBe(noState);
      const refused = (await b.flows()).filter((flow) => flow.verdict === "blocked");
      expect(refused.map(({ direction, reason, rule }) => [direction, reason, rule])).toEqual(
        expect.arrayContaining([
          ["in", "cut", 4],
          ["out", "defaultDeny", 0],
        ]),
      );
    },
  );

  test("of a datagram socket that names its peer is refused each time, and not answered", async () => {
    const asking = python(`
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(${5 * SLOWNESS})
def turn():
    try:
        s.sendto(b"x", ("10.77.0.2", ${PORT}))
        return 0 if s.recv(10) else -1
    except OSError as problem: return problem.errno
print("ready" if turn() == 0 else "failed", flush=True)
for line in sys.stdin: print(turn(), flush=True)`);
    const running = await connected("sender", asking);
    const policies = entries("out", deny, 7);
    await a.provision({ modeOut: "block", cutEstablished: true, ...known, policies });
    for (let i = 0; i < 3; i++) expect(await turn(running)).toBe(a.refusal);
    const refused = (await a.flows()).filter((flow) => flow.verdict === "blocked");
    expect(refused).toMatchObject([{ rule: 7, count: 3n }]);
  });

  test("is not cut in alert, nor one that the revision allows by another rule", async () => {
    const running = await connected("sender", talking("STREAM", "AF_INET", "10.77.0.2"));
    const cutEstablished = true;
    await a.provision({ modeOut: "alert", cutEstablished, ...known, policies: entries("out", deny, 7) });
    expect(a.cut()).toBe(0);
    await a.provision({ modeOut: "block", cutEstablished, ...known, policies: entries("out", allow, 9) });
    expect(a.cut()).toBe(0);
    expect(await turn(running)).toBe(OK);
    await running.stop();
    expect((await a.flows()).at(-1)).toMatchObject({ verdict: "allowed", rule: 9 });
  });

  test("over loopback is cut only where loopback is enforced", async () => {
    const echo = await a.start([...ECHO, "127.0.0.1"], SERVER);
    open.push(echo);
    await a.provision({});
    const running = await a.start(talking("STREAM", "AF_INET", "127.0.0.1"), CLIENT);
    open.push(running);
    const strict = {
      modeOut: "block",
      cutEstablished: true,
      ...known,
      policies: entries("out", deny, 7),
    } as const;
    await a.provision(strict);
    expect(a.cut()).toBe(0);
    await a.provision({ ...strict, loopbackEnforce: true });
    expect(a.cut()).toBe(1);
    expect([ECONNABORTED, ECONNRESET]).toContain(await turn(running));
  });
});
