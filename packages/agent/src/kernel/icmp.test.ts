/** ICMP at both ends: echo by type, what a host needs always, and IPv6 extension headers before it. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestHost, wire } from "./testing/host.ts";
import { address, allow, deny, peer, subjects } from "./testing/policies.ts";
import { python } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const ICMP = 1;
const CLIENT = 11;
const OTHER = 12;

interface Echo {
  readonly errno: number;
  readonly answered: boolean;
}

/** Sends an echo request by a ping or a raw socket, and says whether its answer came. */
function ping(kind: "DGRAM" | "RAW", ip: string, before = ""): string[] {
  return python(
    `
import struct, time
six = ":" in args[0]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_${kind}, 58 if six else 1)
s.settimeout(0.4)
errno, answered = 0, False
def checksum(b):
    t = sum(struct.unpack("!%dH" % (len(b) // 2), b)); t = (t >> 16) + (t & 0xffff)
    return ~(t + (t >> 16)) & 0xffff
ask, reply = (128, 129) if six else (8, 0)
body = struct.pack("!BBHHH", ask, 0, 0, 77, 1) + b"ringwall"
if not six: body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
try:
    ${before || "pass"}
    s.sendto(body, (args[0], 0))
    end = time.monotonic() + 0.4
    while not answered and time.monotonic() < end:
        data = s.recv(200)
        at = 20 if not six and data[0] == 0x45 else 0
        answered = data[at] == reply and data[at + 8:] == b"ringwall"
except TimeoutError: pass
except OSError as problem: errno = problem.errno
print(json.dumps({"errno": errno, "answered": answered}), flush=True)`,
    ip,
  );
}

const WAYS = [
  ["a ping socket", "DGRAM", "10.77.0.2"],
  ["a raw socket", "RAW", "10.77.0.2"],
  ["a ping socket over IPv6", "DGRAM", "fd77::2"],
  ["a raw socket over IPv6", "RAW", "fd77::2"],
] as const;
/** RFC 792 and RFC 4443. */
const echoType = (ip: string): number => (ip.includes(":") ? 128 : 8);

describe.skipIf(whyNoKernelTests("icmp.test.ts"))("an ICMP echo", () => {
  let a: TestHost;
  let b: TestHost;
  beforeAll(() => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    execFileSync("nsenter", [
      `--net=/run/netns/${a.name}`,
      "sysctl",
      "-qw",
      "net.ipv4.ping_group_range=0 2147483647",
    ]);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  describe.each(WAYS)("of %s", (_way, kind, ip) => {
    const type = echoType(ip);
    const rule = { proto: ICMP, port: type, portBits: 16 };

    test("leaves when a rule allows its type, and is refused to other software", async () => {
      await b.provision({});
      await a.provision({
        modeOut: "block",
        modeIn: "block",
        policies: [allow({ ...rule, subject: CLIENT, rule: 3 })],
        subjects: subjects(CLIENT, OTHER),
      });
      await a.flows();
      expect(await a.ask<Echo>(ping(kind, ip), CLIENT)).toEqual({ errno: 0, answered: true });
      const sent = (await a.flows()).filter((flow) => flow.direction === "out");
      expect(sent.reduce((sum, flow) => sum + flow.count, 0n)).toBe(1n);
      for (const flow of sent)
        expect(flow).toMatchObject({
          identity: CLIENT,
          rule: 3,
          proto: ICMP,
          port: type,
          verdict: "allowed",
        });
      expect(sent[0]?.address).toEqual(address(ip));

      // An IPv6 ping socket does not tell its program that a packet could not leave.
      const errno = kind === "DGRAM" && type === 128 ? 0 : 1;
      expect(await a.ask<Echo>(ping(kind, ip), OTHER)).toEqual({ errno, answered: false });
      expect(await a.flows()).toMatchObject([{ identity: OTHER, verdict: "blocked", state: "denied" }]);
    });

    test("is let in by a rule for its type, and dropped else", async ({ skip }) => {
      skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
      await a.provision({});
      const from = [peer("10.77.0.1", 4), peer("fd77::1", 4)];
      const inward = { ...rule, direction: "in", peer: 4, rule: 8 } as const;
      await b.provision({ modeIn: "block", policies: [allow(inward)], peers: from });
      await b.flows();
      expect((await a.ask<Echo>(ping(kind, ip), CLIENT)).answered).toBe(true);
      expect((await b.flows())[0]).toMatchObject({
        direction: "in",
        rule: 8,
        port: type,
        verdict: "allowed",
      });
      await b.provision({ modeIn: "block", policies: [allow({ ...inward, port: 13 })], peers: from });
      await b.flows();
      expect((await a.ask<Echo>(ping(kind, ip), CLIENT)).answered).toBe(false);
      expect(await b.flows()).toMatchObject([{ direction: "in", port: type, verdict: "blocked", count: 1n }]);
    });
  });

  test("is recorded in observe and told in alert at both ends, and refused by an immediate deny", async () => {
    for (const [mode, verdict] of [
      ["observe", "wouldBlock"],
      ["alert", "wouldBlockAlert"],
    ] as const) {
      for (const host of [a, b])
        await host.provision({ modeIn: mode, modeOut: mode, subjects: subjects(CLIENT) });
      for (const host of [a, b]) await host.flows();
      expect((await a.ask<Echo>(ping("DGRAM", "10.77.0.2"), CLIENT)).answered).toBe(true);
      expect((await a.flows()).map((flow) => flow.verdict)).toContain(verdict);
      if (b.has("judge_at_device")) expect((await b.flows()).map((flow) => flow.verdict)).toContain(verdict);
    }
    const policies = [deny({ proto: ICMP, immediate: true, rule: 9 })];
    await a.provision({ modeOut: "observe", policies, subjects: subjects(CLIENT) });
    expect((await a.ask<Echo>(ping("DGRAM", "10.77.0.2"), CLIENT)).errno).toBe(1);
  });

  test("does not take neighbour discovery or errors with it", async () => {
    for (const host of [a, b]) {
      host.ip("neigh", "flush", "dev", "wire0");
      const policies = (["in", "out"] as const).map((direction) =>
        deny({ direction, proto: ICMP, immediate: true }),
      );
      await host.provision({
        modeIn: "block",
        modeOut: "block",
        policies: [...policies, allow({ proto: 17 }), allow({ proto: 17, direction: "in" })],
      });
    }
    const closed = python(`
errors = []
for family, ip in ((socket.AF_INET, "10.77.0.2"), (socket.AF_INET6, "fd77::2")):
    s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(3); s.connect((ip, 4999)); s.send(b"x")
    try: s.recv(10)
    except OSError as problem: errors.append(problem.errno)
print(json.dumps(errors), flush=True)`);
    // Port unreachable, over IPv6 after its neighbour was found again.
    expect(await a.ask(closed, CLIENT)).toEqual([111, 111]);
  });

  test("meets the same verdict behind extension headers of IPv6", async ({ skip }) => {
    await b.provision({});
    // IPV6_DSTOPTS, with a padding option of four bytes
    const padded = "s.setsockopt(socket.IPPROTO_IPV6, 59, bytes([0, 0, 1, 4, 0, 0, 0, 0]))";
    const policies = [allow({ proto: ICMP, port: 128, portBits: 16, subject: CLIENT })];
    await a.provision({ modeOut: "block", policies, subjects: subjects(CLIENT, OTHER) });
    expect(await a.ask<Echo>(ping("RAW", "fd77::2", padded), CLIENT)).toEqual({ errno: 0, answered: true });
    expect((await a.ask<Echo>(ping("RAW", "fd77::2", padded), OTHER)).errno).toBe(1);
    skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
    await a.provision({});
    await b.provision({ modeIn: "block" });
    expect((await a.ask<Echo>(ping("RAW", "fd77::2", padded), CLIENT)).answered).toBe(false);
  });

  test("is dropped in block behind more extension headers than are read", async ({ skip }) => {
    skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
    const forged = python(
      `
import struct
def checksum(b):
    t = sum(struct.unpack("!%dH" % (len(b) // 2), b)); t = (t >> 16) + (t & 0xffff)
    return ~(t + (t >> 16)) & 0xffff
n, src, dst = int(args[0]), socket.inet_pton(socket.AF_INET6, "fd77::1"), socket.inet_pton(socket.AF_INET6, "fd77::2")
icmp = struct.pack("!BBHHH", 128, 0, 0, 77, 1)
icmp = icmp[:2] + struct.pack("!H", checksum(src + dst + struct.pack("!II", 8, 58) + icmp)) + icmp[4:]
body = b"".join(bytes([60 if i < n - 1 else 58, 0, 1, 4, 0, 0, 0, 0]) for i in range(n)) + icmp
hear = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58); hear.settimeout(0.4)
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 255)
s.sendto(struct.pack("!IHBB", 6 << 28, len(body), 60, 64) + src + dst + body, ("fd77::2", 0))
answered = False
try:
    while not answered: answered = hear.recv(100)[0] == 129
except TimeoutError: pass
print(json.dumps({"errno": 0, "answered": answered}), flush=True)`,
    );
    await a.provision({});
    const answers = async (headers: number): Promise<boolean> =>
      (await a.ask<Echo>([...forged, String(headers)], CLIENT)).answered;
    await b.provision({ modeIn: "observe" });
    expect(await answers(1)).toBe(true);
    expect(await answers(7)).toBe(true);
    const everything = allow({ direction: "in", proto: ICMP });
    await b.provision({ modeIn: "block", policies: [everything] });
    expect(await answers(1)).toBe(true);
    const before = b.kernel.counters().extensionHeaders;
    expect(await answers(7)).toBe(false);
    expect(b.kernel.counters().extensionHeaders).toBeGreaterThan(before);
  });
});
