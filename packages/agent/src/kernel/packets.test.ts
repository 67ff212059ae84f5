/** Unusual packets at the receiving end: fragments, extension headers, options, flags and lengths that lie. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestHost, wire } from "./testing/host.ts";
import {
  atomicFragment,
  authentication,
  cut,
  type Ends,
  echo,
  FLAG,
  fragment,
  IPPROTO,
  ip,
  ip4,
  ip6,
  isSix,
  options,
  routing,
  tcp,
  udp,
  unknown,
} from "./testing/packets.ts";
import { allow, peer, subjects, TCP, UDP } from "./testing/policies.ts";
import { echoDatagrams, python, serve } from "./testing/programs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";
import { type Answer, startThrower, type Thrower } from "./testing/throw.ts";

const SERVER = 21;
const OPEN = 8000;
const CLOSED = 8001;
const DATAGRAMS = 5000;
const { hopByHop, destination } = IPPROTO;
const OPENS: readonly Answer[] = ["syn-ack", "datagram", "echo"];

/** `refused`: by what is in it although its sender may connect, because it can't be read or is for another port. */
interface Row {
  readonly what: string;
  readonly make: (ends: Ends) => readonly Buffer[];
  /** Without a rule that refuses: what the kernel makes of it. */
  readonly delivered: Answer | "nothing" | "by-kernel";
  readonly refused?: boolean;
}

const syn = (ends: Ends, more: Parameters<typeof tcp>[1] = {}) => ip(ends, TCP, tcp(ends, more));
const pieces = (ends: Ends, protocol: number, body: Buffer, ...behind: readonly number[]) =>
  cut(body, ...behind).map((piece) => fragment(ends, protocol, piece));
const dataSyn = (ends: Ends, toPort = OPEN) => tcp({ ...ends, toPort }, { payload: "eight or more" });
/** Cut behind the header, as IPv6 wants it. */
const whole = (ends: Ends, toPort = OPEN) => pieces(ends, TCP, dataSyn(ends, toPort), 24);
const split = (ends: Ends, toPort = OPEN) => pieces(ends, TCP, tcp({ ...ends, toPort }), 8);
const big = (ends: Ends) => pieces(ends, UDP, udp(ends, 2000), 8, 1208);

const EITHER: readonly Row[] = [
  { what: "a SYN", make: (ends) => [syn(ends)], delivered: "syn-ack" },
  { what: "a SYN with data", make: (ends) => [syn(ends, { payload: "early" })], delivered: "syn-ack" },
  { what: "a SYN in two fragments", make: (ends) => whole(ends), delivered: "syn-ack" },
  {
    what: "a SYN in two fragments, the later first",
    make: (ends) => whole(ends).toReversed(),
    delivered: "syn-ack",
  },
  {
    what: "fragments of a SYN that lie over each other",
    make: (ends) => {
      const other = fragment(ends, TCP, { at: 16, bytes: dataSyn(ends, CLOSED).subarray(16), more: false });
      return [...whole(ends).slice(0, 1), other];
    },
    delivered: "silence",
  },
  {
    what: "a SYN to a closed port, its first fragment sent again with an open one",
    make: (ends) => {
      const [first, ...rest] = whole(ends, CLOSED);
      return first ? [first, ...whole(ends).slice(0, 1), ...rest] : [];
    },
    delivered: "syn-ack",
    refused: true,
  },
  {
    what: "a SYN to an open port, its first fragment sent again with a closed one",
    make: (ends) => {
      const [first, ...rest] = whole(ends);
      return first ? [first, ...whole(ends, CLOSED).slice(0, 1), ...rest] : [];
    },
    delivered: "syn-ack",
  },
  {
    what: "a later fragment alone",
    make: (ends) => whole(ends).slice(1),
    delivered: "silence",
  },
  ...(
    [
      ["SYN and FIN", FLAG.syn | FLAG.fin, "silence"],
      ["SYN and RST", FLAG.syn | FLAG.rst, "silence"],
      ["SYN, PSH and URG", FLAG.syn | FLAG.push | FLAG.urgent, "syn-ack"],
      ["FIN alone", FLAG.fin, "silence"],
      ["no flag", 0, "silence"],
      ["ACK of nothing", FLAG.ack, "reset"],
      ["SYN and ACK of nothing", FLAG.syn | FLAG.ack, "reset"],
    ] as const
  ).map(([what, flags, delivered]) => ({
    what: `a segment with ${what}`,
    make: (ends: Ends) => [syn(ends, { flags })],
    delivered,
  })),
  {
    what: "a SYN whose header says it were shorter than one can be",
    make: (ends) => [syn(ends, { offset: 4 })],
    delivered: "silence",
  },
  {
    what: "a SYN whose header says it were longer than the packet",
    make: (ends) => [syn(ends, { offset: 15 })],
    delivered: "silence",
  },
  { what: "a datagram", make: (ends) => [ip(ends, UDP, udp(ends, 4))], delivered: "datagram" },
  {
    what: "a datagram in three fragments, the first with its header alone",
    make: big,
    delivered: "datagram",
  },
  {
    what: "a datagram in three fragments, the last one first",
    make: (ends) => big(ends).toReversed(),
    delivered: "datagram",
  },
  {
    what: "a datagram that says it were shorter than its packet",
    make: (ends) => [ip(ends, UDP, udp(ends, 40, 12))],
    delivered: "datagram",
  },
  {
    what: "a datagram that says it were longer than its packet",
    make: (ends) => [ip(ends, UDP, udp(ends, 4, 400))],
    delivered: "silence",
  },
  { what: "an echo", make: (ends) => [ip(ends, icmp(ends), echo(ends, 8))], delivered: "echo" },
  {
    what: "an echo in three fragments, the first with its header alone",
    make: (ends) => pieces(ends, icmp(ends), echo(ends, 2000), 8, 1208),
    delivered: "echo",
  },
  {
    what: "an echo in three fragments, the last one first",
    make: (ends) => pieces(ends, icmp(ends), echo(ends, 2000), 8, 1208).toReversed(),
    delivered: "echo",
  },
];

const OF_IPV4: readonly Row[] = [
  { what: "a SYN whose header lies in two fragments", make: (ends) => split(ends), delivered: "syn-ack" },
  {
    what: "a SYN whose header lies in two fragments, the later first",
    make: (ends) => split(ends).toReversed(),
    delivered: "syn-ack",
  },
  {
    what: "a SYN behind options of IP",
    make: (ends) => [ip4(ends, TCP, tcp(ends), { options: Buffer.from([1, 1, 1, 1]) })],
    delivered: "syn-ack",
  },
  {
    what: "a datagram behind as many options of IP as there can be",
    make: (ends) => [ip4(ends, UDP, udp(ends, 4), { options: Buffer.alloc(40, 1) })],
    delivered: "datagram",
  },
  {
    what: "a datagram that says it had no length",
    make: (ends) => [ip4(ends, UDP, udp(ends, 4, 0))],
    delivered: "silence",
  },
];

const CHAINS = [
  ["a fragment header without a fragment", [atomicFragment]],
  ["hop-by-hop options", [options(hopByHop)]],
  ["destination options", [options(destination)]],
  ["a route that is behind it", [routing(0, 0, "fd77::9")]],
  [
    "all of these",
    [options(hopByHop), options(destination), routing(0, 0, "fd77::9"), atomicFragment, options(destination)],
  ],
  ["six headers", Array.from({ length: 6 }, () => options(destination))],
] as const;

const OF_IPV6: readonly Row[] = [
  {
    // Kernels from 5.11 want the whole header in the first.
    what: "a SYN whose header lies in two fragments",
    make: (ends) => split(ends),
    delivered: "by-kernel",
  },
  ...CHAINS.flatMap(([what, chain]): readonly Row[] => [
    {
      what: `a SYN behind ${what}`,
      make: (ends) => [ip6(ends, TCP, tcp(ends), chain)],
      delivered: "syn-ack",
    },
    {
      what: `a datagram behind ${what}`,
      make: (ends) => [ip6(ends, UDP, udp(ends, 4), chain)],
      delivered: "datagram",
    },
    {
      what: `an echo behind ${what}`,
      make: (ends) => [ip6(ends, IPPROTO.icmp6, echo(ends, 8), chain)],
      delivered: "echo",
    },
  ]),
  {
    what: "a SYN behind seven headers",
    make: (ends) => [
      ip6(
        ends,
        TCP,
        tcp(ends),
        Array.from({ length: 7 }, () => options(destination)),
      ),
    ],
    delivered: "syn-ack",
    refused: true,
  },
  {
    what: "a datagram behind seven headers",
    make: (ends) => [
      ip6(
        ends,
        UDP,
        udp(ends, 4),
        Array.from({ length: 7 }, () => options(destination)),
      ),
    ],
    delivered: "datagram",
    refused: true,
  },
  {
    what: "a SYN on a route that leads on, by way of this host to itself",
    make: (ends) => [ip6({ ...ends, to: "fd77::3" }, TCP, tcp(ends), [routing(4, 1, "fd77::2", "fd77::3")])],
    delivered: "syn-ack",
    refused: true,
  },
  {
    what: "a SYN behind an authentication header",
    make: (ends) => [ip6(ends, TCP, tcp(ends), [authentication])],
    delivered: "nothing",
  },
  ...[135, 139, 140, 253].map((kind) => ({
    what: `a SYN behind header ${kind} (mobility, HIP, Shim6, experiment)`,
    make: (ends: Ends) => [ip6(ends, TCP, tcp(ends), [unknown(kind)])],
    delivered: "nothing" as const,
  })),
  {
    what: "a SYN behind hop-by-hop options that don't come first",
    make: (ends) => [ip6(ends, TCP, tcp(ends), [options(destination), options(hopByHop)])],
    delivered: "nothing",
  },
  {
    what: "a SYN that says it were a jumbogram",
    make: (ends) => {
      const jumbo = Buffer.from([0, 0, 0xc2, 4, 0, 0, 0, 28]);
      const packet = ip6(ends, TCP, tcp(ends), [{ kind: hopByHop, bytes: jumbo }]);
      packet.writeUInt16BE(0, 4);
      return [packet];
    },
    delivered: "nothing",
  },
  {
    what: "a datagram that says it had no length",
    make: (ends) => [ip6(ends, UDP, udp(ends, 4, 0))],
    delivered: "datagram",
  },
];

const icmp = (ends: Ends): number => (isSix(ends) ? IPPROTO.icmp6 : IPPROTO.icmp);

describe.skipIf(whyNoKernelTests("packets.test.ts"))("a packet from a host that no agent reaches", () => {
  let a: TestHost;
  let b: TestHost;
  let thrower: Thrower;
  let fromPort = 20_000;
  const from = [peer("10.77.0.1", 4), peer("fd77::1", 4)];
  const known = subjects(SERVER);
  const inward = { direction: "in", peer: 4 } as const;
  const open = [
    allow({ ...inward, subject: SERVER, port: OPEN, portBits: 16 }),
    allow({ ...inward, subject: SERVER, proto: UDP, port: DATAGRAMS, portBits: 16 }),
    allow({ ...inward, proto: IPPROTO.icmp }),
  ];

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    b.ip("addr", "add", "fd77::3/64", "dev", "wire0", "nodad");
    const routes = ["all", "wire0"].map((device) => `net.ipv6.conf.${device}.seg6_enabled=1`);
    execFileSync("nsenter", [`--net=/run/netns/${b.name}`, "sysctl", "-e", "-qw", ...routes]);
    for (const ip of ["10.77.0.2", "fd77::2"]) {
      for (const port of [OPEN, CLOSED]) await b.start(serve(ip, port), SERVER);
      await b.start(echoDatagrams(ip, DATAGRAMS), SERVER);
    }
    thrower = await startThrower(a, b);
  });
  afterAll(async () => {
    await thrower.stop();
    await a.close();
    await b.close();
  });

  const meets = (row: Row, ends: Ends, opens: boolean): Promise<Answer> => {
    const toPort = row.what.includes("datagram") ? DATAGRAMS : OPEN;
    const own = { ...ends, fromPort: ++fromPort, toPort };
    const silent = toPort === DATAGRAMS ? "program" : "kernel";
    return thrower.throwPackets(own.fromPort, row.make(own), opens ? undefined : silent);
  };
  const IPV4: Ends = { from: "10.77.0.1", to: "10.77.0.2", fromPort: 0, toPort: 0 };
  const IPV6: Ends = { ...IPV4, from: "fd77::1", to: "fd77::2" };
  const rows: [string, Row, Ends][] = [
    ...[...EITHER, ...OF_IPV4].map((row): [string, Row, Ends] => [`${row.what}, IPv4`, row, IPV4]),
    ...[...EITHER, ...OF_IPV6].map((row): [string, Row, Ends] => [`${row.what}, IPv6`, row, IPV6]),
  ];

  test.for(rows)("%s", async ([_, row, ends], { skip }) => {
    await b.provision({ modeIn: "observe", peers: from, subjects: known });
    const opens = row.delivered !== "silence" && row.delivered !== "nothing";
    const met = await meets(row, ends, opens);
    const delivered = row.delivered === "by-kernel" ? met : row.delivered;
    if (delivered === "nothing") expect(OPENS).not.toContain(met);
    else expect(met).toBe(delivered);
    await b.provision({ modeIn: "block", policies: open, peers: from, subjects: known });
    const allowed = await meets(row, ends, opens && !row.refused);
    if (row.refused || delivered === "nothing") expect(OPENS).not.toContain(allowed);
    else expect(allowed).toBe(delivered);
    await b.provision({ modeIn: "block", peers: from, subjects: known });
    skip(delivered === "echo" && !b.has("judge_at_device"), "no `judge_at_device` on this kernel");
    expect(OPENS).not.toContain(await meets(row, ends, false));
  });

  test("is not taken for another by what stands behind its end in the frame", async ({ skip }) => {
    skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
    const ends = { ...IPV6, fromPort: ++fromPort };
    const whole = Buffer.concat([Buffer.from([58, 1, 1, 12]), Buffer.alloc(12), echo(ends, 8)]);
    const [first = whole, last = whole] = pieces(ends, destination, whole, 8);
    // An answer, which a host needs, where the fragment has ended and its destination options have not.
    const padded = Buffer.concat([first, Buffer.alloc(8), Buffer.from([129, 0, 0, 0, 0, 7, 0, 1])]);
    await b.provision({ modeIn: "block", peers: from });
    const before = b.kernel.counters().unparsed;
    expect(await thrower.throwPackets(ends.fromPort, [padded, last], "kernel")).not.toBe("echo");
    expect(b.kernel.counters().unparsed).toBeGreaterThan(before);
  });

  test("has its own bytes counted, and not its frame's", async ({ skip }) => {
    skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
    await b.provision({ modeIn: "block", policies: open, peers: from });
    for (const ends of [IPV4, IPV6]) {
      await b.flows();
      const padded = Buffer.concat([ip(ends, icmp(ends), echo(ends, 8)), Buffer.alloc(30)]);
      expect(await thrower.throwPackets(0, [padded])).toBe("echo");
      const flows = (await b.flows()).filter(({ direction }) => direction === "in");
      expect(flows.map(({ proto, bytesIn }) => [proto, bytesIn])).toEqual([[IPPROTO.icmp, 8n]]);
    }
  });

  test("that was cut into fragments on its way belongs to its flow, both ends in block", async () => {
    const policies = [allow({ proto: UDP, port: DATAGRAMS, portBits: 16 })];
    await a.provision({ modeOut: "block", modeIn: "block", policies });
    const ask = python(
      `
said = []
for size in (3000, 20000, 10):
    s = socket.socket(socket.AF_INET6 if ":" in args[0] else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)
    s.sendto(b"x" * size, (args[0], ${DATAGRAMS}))
    try: said.append(len(s.recv(65535)))
    except OSError: said.append(-1)
print(json.dumps(said), flush=True)`,
    );
    for (const [policies, answers] of [
      [open, [2048, 2048, 10]],
      [[], [-1, -1, -1]],
    ] as const) {
      await b.provision({ modeIn: "block", modeOut: "block", policies, peers: from, subjects: known });
      for (const to of ["10.77.0.2", "fd77::2"]) expect(await a.ask([...ask, to], SERVER)).toEqual(answers);
    }
    await a.provision({});
  });
});
