/** Sockets that could pass the others by: raw ones, and protocols that no hook judges. */
import { constants } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { proto } from "./generated/layout.ts";
import { TestHost, wire } from "./testing/host.ts";
import { allow, deny, peer, subjects, UDP } from "./testing/policies.ts";
import { python } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const { EPERM, EPROTONOSUPPORT } = constants.errno;
const ESOCKTNOSUPPORT = 94;
const CLIENT = 11;
const OTHER = 12;

/** Makes a socket; prints {errno}. */
function make(family: string, type: string, protocol: number): string[] {
  return python(`
errno = 0
try: socket.socket(socket.${family}, ${type}, ${protocol})
except OSError as problem: errno = problem.errno
print(json.dumps({"errno": errno}), flush=True)`);
}

/** A UDP datagram to 10.77.0.2 that is made by hand, with its IP header; prints {errno}. */
function forge(port: number): string[] {
  return python(
    `
import struct
errno = 0
try:
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)
    udp = struct.pack("!HHHH", 4000, int(args[0]), 12, 0) + b"forg"
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, 0, 0, 64, 17, 0, bytes(4), socket.inet_aton("10.77.0.2"))
    s.sendto(head + udp, ("10.77.0.2", 0))
except OSError as problem: errno = problem.errno
print(json.dumps({"errno": errno}), flush=True)`,
    String(port),
  );
}

const RAW = [
  ["raw TCP", "AF_INET", "socket.SOCK_RAW", 6],
  ["raw UDP", "AF_INET", "socket.SOCK_RAW", 17],
  ["raw with its own header", "AF_INET", "socket.SOCK_RAW", 255],
  ["raw OSPF", "AF_INET", "socket.SOCK_RAW", 89],
  ["raw TCP over IPv6", "AF_INET6", "socket.SOCK_RAW", 6],
] as const;
/** Not every kernel has them: then there is nothing to refuse. */
const UNJUDGED = [
  ["SCTP", "AF_INET", "socket.SOCK_STREAM", 132],
  ["SCTP messages over IPv6", "AF_INET6", "socket.SOCK_SEQPACKET", 132],
  ["DCCP", "AF_INET", "6", 33],
  ["L2TP", "AF_INET", "socket.SOCK_DGRAM", 115],
] as const;

describe.skipIf(whyNoKernelTests("raw.test.ts"))("a socket of another kind", () => {
  let a: TestHost;
  let b: TestHost;
  beforeAll(() => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  interface Made {
    readonly errno: number;
  }
  const anything = allow({ proto: proto.other, subject: CLIENT, rule: 4 });

  test.each(RAW)(
    "%s is made only by software that a rule without ports allows to any peer",
    async (_what, ...socket) => {
      const known = subjects(CLIENT, OTHER);
      await a.provision({ modeOut: "block", policies: [anything], subjects: known });
      await a.flows();
      expect((await a.ask<Made>(make(...socket), CLIENT)).errno).toBe(0);
      expect((await a.ask<Made>(make(...socket), OTHER)).errno).toBe(EPERM);
      const flows = (await a.flows()).map(({ identity, verdict, proto }) => ({ identity, verdict, proto }));
      expect(flows).toEqual(
        expect.arrayContaining([
          { identity: CLIENT, verdict: "allowed", proto: proto.other },
          { identity: OTHER, verdict: "blocked", proto: proto.other },
        ]),
      );
      expect(a.kernel.counters().rawRefused).toBeGreaterThan(0n);
    },
  );

  for (const [what, family, type, protocol] of UNJUDGED) {
    const socket = [family, type, protocol] as const;
    test(`${what} is made by nobody in block, whatever a rule says`, async ({ skip }) => {
      await a.provision({ modeOut: "observe", policies: [anything], subjects: subjects(CLIENT) });
      const { errno } = await a.ask<Made>(make(...socket), CLIENT);
      skip([EPROTONOSUPPORT, ESOCKTNOSUPPORT].includes(errno), "this kernel has no such protocol");
      expect(errno).toBe(0);
      await a.provision({ modeOut: "block", policies: [anything], subjects: subjects(CLIENT) });
      expect((await a.ask<Made>(make(...socket), CLIENT)).errno).toBe(EPERM);
    });
  }

  test("is recorded in observe, told in alert, and refused by an immediate deny", async () => {
    for (const [modeOut, verdict] of [
      ["observe", "wouldBlock"],
      ["alert", "wouldBlockAlert"],
    ] as const) {
      await a.provision({ modeOut, subjects: subjects(CLIENT) });
      await a.flows();
      expect((await a.ask<Made>(make("AF_INET", "socket.SOCK_RAW", 6), CLIENT)).errno).toBe(0);
      expect(await a.flows()).toMatchObject([{ identity: CLIENT, verdict }]);
    }
    const policies = [deny({ proto: proto.other, immediate: true })];
    await a.provision({ modeOut: "observe", policies, subjects: subjects(CLIENT) });
    expect((await a.ask<Made>(make("AF_INET", "socket.SOCK_RAW", 6), CLIENT)).errno).toBe(EPERM);
  });

  test("that may be made has each packet judged as what it is", async () => {
    await b.provision({});
    const open = allow({ proto: UDP, subject: CLIENT, port: 5000, portBits: 16, peer: 5, rule: 6 });
    const peers = [peer("10.77.0.2", 5)];
    await a.provision({ modeOut: "block", policies: [anything, open], peers, subjects: subjects(CLIENT) });
    await a.flows();
    expect((await a.ask<Made>(forge(5000), CLIENT)).errno).toBe(0);
    expect((await a.ask<Made>(forge(5001), CLIENT)).errno).toBe(EPERM);
    const flows = (await a.flows()).filter((flow) => flow.proto === UDP);
    expect(flows.map(({ port, verdict }) => ({ port, verdict }))).toEqual(
      expect.arrayContaining([
        { port: 5000, verdict: "allowed" },
        { port: 5001, verdict: "blocked" },
      ]),
    );
  });
});
