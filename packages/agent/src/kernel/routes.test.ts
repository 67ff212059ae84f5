/**
 * Routes that a program asks for itself: IPv4's source route (with CAP_NET_RAW) and IPv6's routing header (without any
 * capability) make a packet for one peer go to another first. Who is allowed one peer must not reach another by them.
 */
import { constants } from "node:os";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { proto } from "./generated/layout.ts";
import { TestHost, wire } from "./testing/host.ts";
import { address, allow, peer, subjects, UDP } from "./testing/policies.ts";
import { echoDatagrams, python, serve } from "./testing/programs.ts";
import { SLOWNESS, whyNoKernelTests } from "./testing/requirements.ts";

const { EPERM } = constants.errno;
const CLIENT = 11;
const ANYTHING = 12;
const SERVER = 21;
const PORT = 8000;

/** IPv4: peer and detour; IPv6: the same. Only the peers are allowed. */
const FAMILIES = [
  ["IPv4", "10.77.0.2", "10.77.0.3"],
  ["IPv6", "fd77::2", "fd77::3"],
] as const;

/**
 * Sets the detour before or after it connects, then sends a line; prints {stage, errno} of what failed first. `how`: the
 * socket option, or what IPv6 had before RFC 3542, or with the datagram itself.
 */
function detour(to: string, by: string, kind: "tcp" | "udp", when: "before" | "after" | "with"): string[] {
  return python(
    `
import ctypes, struct
to, by, kind, when = args
six = ":" in to
# No capability but the one that it takes.
raw = 0 if six else 1 << 13
if ctypes.CDLL(None).capset(struct.pack("Ii", 0x20080522, 0), struct.pack("6I", raw, raw, 0, 0, 0, 0)): raise OSError("capset")
if six:
    body = socket.inet_pton(socket.AF_INET6, to) + socket.inet_pton(socket.AF_INET6, by)
    level, name, value = 41, 57, struct.pack("!BBBBBBH", 0, 4, 4, 1, 1, 0, 0) + body
    told = name
else:
    # A loose source route: first the detour, then the peer.
    level, name, value = 0, 4, bytes([131, 7, 4]) + socket.inet_aton(by) + b"\\1"
    told = 7
said = {"stage": "socket", "errno": 0}
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(${SLOWNESS})
# Nothing of it is sent again once it is closed.
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
try:
    said["stage"] = "option"
    if when == "before": s.setsockopt(level, name, value)
    said["stage"] = "connect"
    if when != "with": s.connect((to, ${PORT}))
    said["stage"] = "option"
    if when == "after": s.setsockopt(level, name, value)
    said["stage"] = "send"
    # So that the way is looked for anew.
    if not six: s.setsockopt(0, 1, 16)
    if when == "with": s.sendmsg([b"detour"], [(level, told, value)], 0, (to, ${PORT}))
    else: s.send(b"detour")
    said["stage"] = "done"
except OSError as problem: said["errno"] = problem.errno or 110
print(json.dumps(said), flush=True)`,
    to,
    by,
    kind,
    when,
  );
}

/** Counts the packets that arrive for the detour until its standard input ends and 0.3 s after. */
function hear(by: string): string[] {
  return python(
    `
import select
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.bind(("wire0", 3)); s.setblocking(False)
six = ":" in args[0]
by = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, args[0])
print("ready", flush=True)
packets, watched, rest = 0, [s, 0], None
while ready := select.select(watched, [], [], rest)[0]:
    if 0 in ready: watched, rest = [s], ${0.3 * SLOWNESS}
    if s not in ready: continue
    data, about = s.recvfrom(2048)
    # Neighbour discovery asks where the detour is.
    if about[2] == 4 or data[0] >> 4 != (6 if six else 4) or six and data[6] == 58: continue
    if (data[24:40] if six else data[16:20]) == by: packets += 1
print(json.dumps({"packets": packets}), flush=True)`,
    by,
  );
}

type Said = { readonly stage: string; readonly errno: number };

describe.skipIf(whyNoKernelTests("routes.test.ts"))("a program that is allowed one peer", () => {
  let a: TestHost;
  let b: TestHost;
  const peers = [peer("10.77.0.2", 5), peer("fd77::2", 5)];
  const toPeer = { subject: CLIENT, peer: 5, port: PORT, portBits: 16 };
  const policies = [
    allow(toPeer),
    allow({ ...toPeer, proto: UDP }),
    allow({ subject: ANYTHING, proto: proto.other }),
    allow({ subject: ANYTHING }),
  ];
  const known = subjects(CLIENT, ANYTHING);
  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    for (const ip of ["10.77.0.3/24", "fd77::3/64"])
      b.ip("addr", "add", ip, "dev", "wire0", ...(ip.includes(":") ? ["nodad"] : []));
    for (const ip of ["10.77.0.2", "fd77::2"]) {
      await b.start(serve(ip, PORT, { read: 6 }), SERVER);
      await b.start(echoDatagrams(ip, PORT), SERVER);
    }
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });
  beforeEach(async () => {
    await a.provision({ modeOut: "block", policies, peers, subjects: known });
    await a.flows();
  });

  /** What the program met, and how many packets went to the detour. */
  async function tries(...how: Parameters<typeof detour>): Promise<Said & { readonly packets: number }> {
    return await heardOf(how, CLIENT);
  }
  async function heardOf(how: Parameters<typeof detour>, identity: number) {
    const ear = await b.start(hear(how[1]));
    const said = await a.ask<Said>(detour(...how), identity);
    ear.child.stdin?.end();
    // The program above prints it.
    const { packets } = JSON.parse(await ear.line()) as { packets: number };
    await ear.stop();
    return { ...said, packets };
  }

  describe.each(FAMILIES)("by %s", (_, to, by) => {
    test.for(["before", "after"] as const)(
      "can't lead its connection to another (%s it is open)",
      async (when, { skip }) => {
        skip(!a.has("guard_options"), "no `guard_options` on this kernel");
        expect(await tries(to, by, "tcp", when)).toEqual({ stage: "option", errno: EPERM, packets: 0 });
        const refused = (await a.flows()).filter(({ verdict }) => verdict === "blocked");
        expect(refused).toMatchObject([{ identity: CLIENT, proto: proto.other, state: "denied" }]);
      },
    );

    test.each(["before", "after", "with"] as const)(
      "can't lead its datagrams to another (%s)",
      async (when) => {
        const { stage, packets } = await tries(to, by, "udp", when);
        expect([stage, packets]).toEqual([when === "before" ? expect.anything() : "send", 0]);
      },
    );

    test("could do so where nothing is refused, so that the refusals above say something", async () => {
      await a.provision({ modeOut: "observe", policies, peers, subjects: known });
      for (const kind of ["tcp", "udp"] as const)
        expect((await tries(to, by, kind, "before")).packets).toBeGreaterThan(0);
      expect((await tries(to, by, "tcp", "after")).packets).toBeGreaterThan(0);
    });

    test("may ask for any where a rule without ports allows it everything", async () => {
      expect((await heardOf([to, by, "tcp", "before"], ANYTHING)).packets).toBeGreaterThan(0);
    });
  });

  test("can't do so by what IPv6 had before RFC 3542", async ({ skip }) => {
    skip(!a.has("guard_options"), "no `guard_options` on this kernel");
    const set = python(`
errno = 0
try: socket.socket(socket.AF_INET6).setsockopt(41, 6, bytes(24))
except OSError as problem: errno = problem.errno
print(json.dumps({"errno": errno}), flush=True)`);
    expect(await a.ask(set, CLIENT)).toEqual({ errno: EPERM });
    await a.provision({ modeOut: "observe", policies, peers, subjects: known });
    expect(await a.ask(set, CLIENT)).not.toEqual({ errno: EPERM });
  });

  test("can still take its options away, and set others", async () => {
    const others = python(`
errors = []
for six, level, name, value in ((0, 0, 4, b""), (0, 0, 1, bytes([16, 0, 0, 0])), (1, 41, 57, b""), (1, 41, 67, bytes([16, 0, 0, 0]))):
    try: socket.socket(socket.AF_INET6 if six else socket.AF_INET).setsockopt(level, name, value)
    except OSError as problem: errors.append([level, name, problem.errno])
print(json.dumps(errors), flush=True)`);
    expect(await a.ask(others, CLIENT)).toEqual([]);
  });

  test("has its datagram judged by where it goes first", async () => {
    await a.ask(detour("10.77.0.2", "10.77.0.3", "udp", "after"), CLIENT);
    const blocked = (await a.flows()).filter(({ verdict }) => verdict === "blocked");
    expect(blocked[0]?.address).toEqual(address("10.77.0.3"));
  });
});
