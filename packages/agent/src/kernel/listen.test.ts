/** Who waits for others: listen() on TCP and bind() to a port, by real processes. */
import { constants } from "node:os";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { PolicyEntry } from "./contract.ts";
import { SOMEBODY } from "./names.ts";
import { denialsTold } from "./testing/events-told.ts";
import { TestHost, wire } from "./testing/host.ts";
import { allow, deny, subjects, TCP, UDP } from "./testing/policies.ts";
import { connect, python } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const { EPERM } = constants.errno;
const SERVER = 21;
const STRANGER = 22;
const CLIENT = 23;
/** The agent has given it a number, and its class is on the way. */
const WITHOUT_CLASS = 24;
const PORT = 4040;

/** Binds, listens and connects as far as it is let; prints {bind, listen}, errors or 0. */
function wait(kind: "tcp" | "udp", address: string, port: number): string[] {
  return python(
    `
kind, address, port = args[0], args[1], int(args[2])
said = {"bind": 0, "listen": 0}
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
try: s.bind((address, port))
except OSError as problem: said["bind"] = problem.errno
if kind == "tcp" and said["bind"] == 0:
    try: s.listen(8)
    except OSError as problem: said["listen"] = problem.errno
print(json.dumps(said), flush=True)`,
    kind,
    address,
    String(port),
  );
}

type Said = { readonly bind: number; readonly listen: number };
const IN = { direction: "in", peer: SOMEBODY } as const;
const OUT = { direction: "out", peer: SOMEBODY } as const;
/** SERVER may be reached at PORT, CLIENT may reach somebody, nobody else may do either. */
const POLICIES: readonly PolicyEntry[] = [
  ...[TCP, UDP].flatMap((proto) => [
    deny({ ...IN, proto, rule: 0 }),
    deny({ ...OUT, proto, rule: 0 }),
    allow({ ...IN, proto, subject: SERVER, port: PORT, portBits: 16, rule: 0 }),
    allow({ ...OUT, proto, subject: CLIENT, rule: 0 }),
  ]),
];
const BLOCK = { modeIn: "block", modeOut: "block", loopbackEnforce: true, judgesListeners: true } as const;

describe.skipIf(whyNoKernelTests("listen.test.ts"))("waiting for others", () => {
  let a: TestHost;
  let b: TestHost;
  beforeAll(() => {
    a = new TestHost("l");
    b = new TestHost("k");
    wire(a, b);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const policy = { policies: POLICIES, subjects: subjects(SERVER, STRANGER, CLIENT) };
  const asked = (argv: readonly string[], identity: number) => a.ask<Said>(argv, identity);
  const told = async () =>
    (await a.flows())
      .filter(({ reason }) => reason === "listen")
      .map(({ identity, proto, port, verdict, state, direction, rule }) => {
        expect({ state, direction, rule }).toEqual({ state: "denied", direction: "in", rule: 0 });
        return { identity, proto, port, verdict };
      });

  const PLACES = [
    ["0.0.0.0", "IPv4"],
    ["::", "IPv6"],
    ["10.77.0.1", "an address of its own"],
    ["fd77::1", "an IPv6 address of its own"],
    ["::ffff:10.77.0.1", "a mapped IPv4 address"],
  ] as const;

  describe.each(PLACES)("at %s (%s)", (address) => {
    beforeEach(async () => {
      await a.provision({ ...BLOCK, ...policy });
      await a.flows();
    });

    test.each(["tcp", "udp"] as const)(
      "%s: who may be reached may wait, at that port alone",
      async (kind) => {
        const proto = kind === "tcp" ? TCP : UDP;
        expect(await asked(wait(kind, address, PORT), SERVER)).toEqual({ bind: 0, listen: 0 });
        expect(await told()).toEqual([]);
        expect((await asked(wait(kind, address, PORT + 1), SERVER)).bind).toBe(EPERM);
        expect((await asked(wait(kind, address, PORT), STRANGER)).bind).toBe(EPERM);
        expect(await told()).toEqual(
          expect.arrayContaining([
            { identity: SERVER, proto, port: PORT + 1, verdict: "blocked" },
            { identity: STRANGER, proto, port: PORT, verdict: "blocked" },
          ]),
        );
        const denials = await denialsTold(a);
        expect(denials.at(-1)).toMatchObject({ reason: "listen", identity: STRANGER, port: PORT, proto });
      },
    );

    test("a client may bind the port it connects from; listening at it is told, or refused by LSM", async () => {
      const { bind, listen } = await asked(wait("tcp", address, PORT), CLIENT);
      const refused = a.has("listen_check");
      expect({ bind, listen }).toEqual({ bind: 0, listen: refused ? EPERM : 0 });
      const verdict = refused ? "blocked" : "wouldBlockAlert";
      expect(await told()).toEqual([{ identity: CLIENT, proto: TCP, port: PORT, verdict }]);
      expect(await asked(wait("udp", address, PORT), CLIENT)).toEqual({ bind: 0, listen: 0 });
      expect(await told()).toEqual([]);
    });
  });

  test.each(["127.0.0.1", "::1", "::ffff:127.0.0.9"])("at %s nobody is refused or told", async (address) => {
    await a.provision({ ...BLOCK, ...policy });
    await a.flows();
    for (const kind of ["tcp", "udp"] as const)
      expect(await asked(wait(kind, address, PORT), STRANGER)).toEqual({ bind: 0, listen: 0 });
    expect(await told()).toEqual([]);
  });

  test("a port that the kernel chooses, a resolver's own choice, and unknown software are left alone", async () => {
    await a.provision({ ...BLOCK, ...policy });
    await a.flows();
    expect((await asked(wait("udp", "0.0.0.0", 0), STRANGER)).bind).toBe(0);
    expect((await asked(wait("tcp", "0.0.0.0", 0), STRANGER)).bind).toBe(0);
    expect((await asked(wait("udp", "0.0.0.0", 40_000), STRANGER)).bind).toBe(0);
    for (const unknown of [0, WITHOUT_CLASS])
      expect(await asked(wait("tcp", "0.0.0.0", PORT), unknown)).toEqual({ bind: 0, listen: 0 });
    const said = await told();
    expect(said.filter(({ identity }) => identity !== STRANGER)).toEqual([]);
    const chosen = said.filter(({ identity }) => identity === STRANGER);
    // Listening at a chosen port is listening.
    const verdict = a.has("listen_check") ? "blocked" : "wouldBlockAlert";
    expect(chosen.map(({ proto, verdict }) => ({ proto, verdict }))).toEqual([{ proto: TCP, verdict }]);
  });

  test.each([
    ["observe", false, "wouldBlock"],
    ["alert", false, "wouldBlockAlert"],
    ["block", true, "wouldBlockAlert"],
  ] as const)("in %s (loopback only recorded: %s) it is %s, and works", async (mode, spared, verdict) => {
    await a.provision({ ...BLOCK, ...policy, modeIn: mode, modeOut: mode, loopbackEnforce: !spared });
    await a.flows();
    expect(await asked(wait("tcp", "0.0.0.0", PORT), STRANGER)).toEqual({ bind: 0, listen: 0 });
    expect(await asked(wait("udp", "::", PORT), STRANGER)).toEqual({ bind: 0, listen: 0 });
    const each = { identity: STRANGER, port: PORT, verdict };
    expect(await told()).toEqual(
      expect.arrayContaining([
        { ...each, proto: TCP },
        { ...each, proto: UDP },
      ]),
    );
  });

  test("an outbound direction in observe lets a port be bound: it may be a client's", async () => {
    await a.provision({ ...BLOCK, ...policy, modeOut: "observe" });
    expect((await asked(wait("tcp", "0.0.0.0", PORT), STRANGER)).bind).toBe(0);
  });

  test("a policy that says nothing of it, and an immediate deny for everybody", async () => {
    await a.provision({ ...BLOCK, ...policy, judgesListeners: false });
    expect(await asked(wait("tcp", "0.0.0.0", PORT), STRANGER)).toEqual({ bind: 0, listen: 0 });
    const policies = [TCP, UDP].flatMap((proto) => [
      deny({ ...IN, proto, immediate: true, rule: 7 }),
      deny({ ...OUT, proto, immediate: true, rule: 7 }),
    ]);
    await a.provision({ ...BLOCK, ...policy, policies, modeIn: "observe", modeOut: "observe" });
    expect((await asked(wait("tcp", "0.0.0.0", PORT), STRANGER)).bind).toBe(EPERM);
  });

  test("what listens without leave answers nobody", async () => {
    await a.provision({ ...BLOCK, ...policy, modeOut: "observe" });
    const server = await a
      .start(
        python(
          `s = socket.create_server(("0.0.0.0", int(args[0])))\nprint("ready", flush=True)\ns.accept()`,
          String(PORT + 7),
        ),
        STRANGER,
      )
      .catch(() => undefined);
    const { errno } = await b.ask<{ errno: number }>(connect("10.77.0.1", PORT + 7), 0);
    expect(errno).not.toBe(0);
    await server?.stop();
  });
});
