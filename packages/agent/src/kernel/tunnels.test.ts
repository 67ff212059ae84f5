/**
 * Tunnels: what the hooks see is the packet inside, by its own addresses, at both ends. The packet around it is the
 * kernel's own and judged by nobody; making a tunnel needs CAP_NET_ADMIN in the namespace of the network.
 */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Running, TestHost, wire } from "./testing/host.ts";
import { outside } from "./testing/injection.ts";
import { echo, IPPROTO, ip, ip4, tcp, udp } from "./testing/packets.ts";
import { address, allow, peer, subjects, TCP, UDP } from "./testing/policies.ts";
import { connect, echoDatagrams, python, sendDatagram, serve } from "./testing/programs.ts";
import { SLOWNESS, whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const PORT = 8000;
const INNER = 4;
const OUTER = 5;
const NOBODYS_PORT = 4790;

/** What `ip link add` is told, and the addresses within; `LOCAL` and `REMOTE` are the wire's. */
const TUNNELS = [
  ["IPIP", "ipip local LOCAL remote REMOTE", 4],
  ["GRE", "gre local LOCAL remote REMOTE", 4],
  ["SIT", "sit local LOCAL remote REMOTE", 6],
  ["IPv6 in IPv6", "ip6tnl mode ip6ip6 local LOCAL6 remote REMOTE6", 6],
  ["VXLAN", "vxlan id 9 dstport 4789 local LOCAL remote REMOTE", 4],
  ["VXLAN over IPv6", "vxlan id 9 dstport 4789 local LOCAL6 remote REMOTE6", 6],
  ["GENEVE", "geneve id 9 remote REMOTE", 4],
  ["IPIP in UDP (FOU)", "ipip local LOCAL remote REMOTE encap fou encap-sport 5555 encap-dport 5555", 4],
  ["IPIP in UDP (GUE)", "ipip local LOCAL remote REMOTE encap gue encap-sport auto encap-dport 5556", 4],
  ["GRE in UDP (GUE)", "gre local LOCAL remote REMOTE encap gue encap-sport auto encap-dport 5556", 4],
] as const;
/** Who hears tunnels that are carried in UDP: at which port, and what comes there. */
const IN_UDP = { fou: { port: "5555", as: ["ipproto", "4"] }, gue: { port: "5556", as: ["gue"] } } as const;

/** Sends an echo request; prints {answered}. */
const ECHO = python(`
import struct, time
six = ":" in args[0]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 58 if six else 1)
s.settimeout(${SLOWNESS})
body = struct.pack("!BBHHH", 128 if six else 8, 0, 0 if six else 0xf7ff - 77, 77, 0)
s.sendto(body, (args[0], 0))
answered, end = False, time.monotonic() + ${SLOWNESS}
try:
    while not answered and time.monotonic() < end: answered = s.recv(200)[0 if six else 20] == (129 if six else 0)
except TimeoutError: pass
print(json.dumps({"answered": answered}), flush=True)`);

type Made = { readonly here: number; readonly sent: boolean; readonly why: string };

/**
 * Makes a tunnel and sends a datagram by it; `nobody`: without rights, and then in a namespace of his own. Prints the exit
 * status of making it here, and whether the datagram was sent.
 */
const MAKE_TUNNEL = python(`
import os, subprocess
def run(*argv): return subprocess.run(argv, capture_output=True, text=True)
if args[0] == "nobody":
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
make = "ip link add tun9 type vxlan id 9 dstport ${NOBODYS_PORT} remote 10.77.0.2"
here = run(*make.split()).returncode
use = " && ".join((
    "ip link set tun9 address 02:00:00:00:00:01", "ip addr add 10.99.0.1/24 broadcast + dev tun9", "ip link set tun9 up", 'python3 -I -c "$0"'))
send = "import socket as s; u = s.socket(type=s.SOCK_DGRAM); u.setsockopt(s.SOL_SOCKET, s.SO_BROADCAST, 1); u.sendto(b'out', ('10.99.0.255', 5000))"
if args[0] == "nobody": tried = run("unshare", "--user", "--map-root-user", "--net", "sh", "-c", make + " && " + use, send)
else: tried = run("sh", "-c", use + "; status=$?; ip link delete tun9; exit $status", send)
print(json.dumps({"here": here, "sent": tried.returncode == 0, "why": tried.stderr}), flush=True)`);

/** Counts what arrives for that tunnel's port until its standard input ends and 0.3 s after. */
const HEAR = python(`
import select
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.bind(("wire0", 3)); s.setblocking(False)
print("ready", flush=True)
packets, watched, rest = 0, [s, 0], None
while ready := select.select(watched, [], [], rest)[0]:
    if 0 in ready: watched, rest = [s], ${0.3 * SLOWNESS}
    if s not in ready: continue
    data = s.recv(2048)
    if data[9] == 17 and data[22:24] == (${NOBODYS_PORT}).to_bytes(2, "big"): packets += 1
print(json.dumps(packets), flush=True)`);

type Said = { readonly errno: number };

describe.skipIf(whyNoKernelTests("tunnels.test.ts"))("a tunnel", () => {
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

  /** False where this kernel has no such tunnel. */
  function tunnel(what: string, family: 4 | 6): boolean {
    for (const [host, own, other] of [
      [a, 1, 2],
      [b, 2, 1],
    ] as const) {
      const said = what
        .replaceAll(
          /(?:LOCAL|REMOTE)6?/g,
          (word) => (word.endsWith("6") ? "fd77::" : "10.77.0.") + (word.startsWith("L") ? own : other),
        )
        .split(" ");
      for (const [kind, { port, as }] of Object.entries(IN_UDP))
        if (what.includes(`encap ${kind} `))
          spawnSync("ip", ["-n", host.name, "fou", "add", "port", port, ...as]);
      if (spawnSync("ip", ["-n", host.name, "link", "add", "tun9", "type", ...said]).status !== 0)
        return false;
      host.ip(
        "addr",
        "add",
        family === 6 ? `fd99::${own}/64` : `10.99.0.${own}/24`,
        "dev",
        "tun9",
        ...(family === 6 ? ["nodad"] : []),
      );
      host.ip("link", "set", "tun9", "up");
      host.attachDevices();
    }
    return true;
  }

  describe.each(TUNNELS)("%s", (_, what, family) => {
    const to = family === 6 ? "fd99::2" : "10.99.0.2";
    const from = family === 6 ? "fd99::1" : "10.99.0.1";
    const ends = (direction: "in" | "out", peerClass: number) => ({
      policies: [TCP, UDP].map((proto) => allow({ direction, peer: peerClass, proto })),
      subjects: subjects(CLIENT, SERVER),
      peers: [
        peer(direction === "in" ? from : to, INNER),
        ...(direction === "in" ? ["10.77.0.1", "fd77::1"] : ["10.77.0.2", "fd77::2"]).map((one) =>
          peer(one, OUTER),
        ),
      ],
    });
    const servers: Running[] = [];
    let there = false;
    beforeAll(async () => {
      there = tunnel(what, family);
      if (!there) return;
      servers.push(await b.start(serve(to, PORT), SERVER), await b.start(echoDatagrams(to, PORT), SERVER));
    });
    afterAll(async () => {
      for (const server of servers) await server.stop();
      for (const host of [a, b]) spawnSync("ip", ["-n", host.name, "link", "delete", "tun9"]);
      for (const host of [a, b])
        for (const { port } of Object.values(IN_UDP))
          spawnSync("ip", ["-n", host.name, "fou", "del", "port", port]);
    });
    beforeEach(async ({ skip }) => {
      skip(!there, "this kernel has no such tunnel");
      for (const host of [a, b]) await host.provision({});
      await b.flows();
    });
    const reach = async () => [
      (await a.ask<Said>(connect(to, PORT, { timeoutS: 2 }), CLIENT)).errno === 0,
      (await a.ask<Said>(sendDatagram(to, PORT, { answer: true }), CLIENT)).errno === 0,
    ];

    test("is judged at the receiver by who sends within it", async () => {
      await b.provision({ modeIn: "block", ...ends("in", INNER) });
      expect(await reach()).toEqual([true, true]);
      const allowed = (await b.flows()).filter(({ direction }) => direction === "in");
      for (const flow of allowed) expect(flow.address).toEqual(address(from));
      await b.provision({ modeIn: "block", ...ends("in", OUTER) });
      expect(await reach()).toEqual([false, false]);
    });

    test("is judged at the sender by who is talked to within it, and nothing has to allow the tunnel", async () => {
      await a.provision({ modeOut: "block", ...ends("out", INNER) });
      expect(await reach()).toEqual([true, true]);
      await a.provision({ modeOut: "block", ...ends("out", OUTER) });
      expect(await reach()).toEqual([false, false]);
    });

    test("has an echo within it judged at its own device", async ({ skip }) => {
      const answered = async () => (await outside<{ answered: boolean }>(a, [...ECHO, to])).answered;
      const echoes = allow({ direction: "in", peer: INNER, proto: IPPROTO.icmp });
      const peers = [peer(from, INNER)];
      await b.provision({ modeIn: "block", policies: [echoes], peers });
      expect(await answered()).toBe(true);
      skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
      await b.provision({ modeIn: "block", peers });
      expect(await answered()).toBe(false);
    });
  });

  test("is made by nobody without CAP_NET_ADMIN, and leads nowhere from a namespace of his own", async ({
    skip,
  }) => {
    await a.provision({});
    const carried = async (send: () => Promise<unknown>): Promise<number> => {
      const ear = await b.start(HEAR);
      await send();
      ear.child.stdin?.end();
      // The program above prints it.
      const packets = JSON.parse(await ear.line()) as number;
      await ear.stop();
      return packets;
    };
    let here = 0;
    const byRoot = await carried(async () => {
      ({ here } = await outside<Made>(a, [...MAKE_TUNNEL, "here"]));
    });
    skip(here !== 0, "this kernel has no such tunnel");
    expect(byRoot).toBeGreaterThan(0);
    let said: Made = { here, sent: false, why: "" };
    const packets = await carried(async () => {
      said = await a.ask<Made>([...MAKE_TUNNEL, "nobody"], CLIENT);
    });
    expect(said.here).not.toBe(0);
    skip(!said.sent, `no user namespace here: ${said.why}`);
    expect(packets).toBe(0);
  });
});

/** Reads packets in hexadecimal, puts them out at a tun device, and prints what came back within a second. */
const TUN = python(
  `
import fcntl, os, select, struct, subprocess, time
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH", b"tun8", 0x1001))
for what in ("addr add 10.98.0.1/24 dev tun8", "link set tun8 up"): subprocess.run(["ip", *what.split()], check=True)
print("ready", flush=True)
while line := sys.stdin.readline():
    while select.select([tun], [], [], 0)[0]: os.read(tun, 2048)
    sent = bytes.fromhex(line)
    os.write(tun, sent)
    end, said = time.monotonic() + ${SLOWNESS}, "silence"
    while said == "silence" and select.select([tun], [], [], max(0, end - time.monotonic()))[0]:
        data = os.read(tun, 2048)
        if data[0] != 0x45 or data[9] != sent[9]: continue
        if data[9] == 6: said = "syn-ack" if data[33] & 0x12 == 0x12 else "reset"
        elif data[9] == 17: said = "datagram"
        elif data[20] == 0: said = "echo"
    print(said, flush=True)`,
);

describe.skipIf(whyNoKernelTests("tunnels.test.ts"))("a tunnel that a program makes (tun)", () => {
  let b: TestHost;
  let program: Running | undefined;
  let fromPort = 20_000;
  const OWN = { from: "10.98.0.9", to: "10.98.0.1", toPort: PORT };
  const peers = [peer("10.98.0.9", INNER)];
  const everything = [TCP, UDP, IPPROTO.icmp].map((proto) => allow({ direction: "in", peer: INNER, proto }));

  beforeAll(async () => {
    b = new TestHost("b");
    const can = spawnSync("sh", ["-c", "test -c /dev/net/tun"]).status === 0;
    if (!can) return;
    program = await b.start(TUN);
    b.attachDevices();
    await b.start(serve("10.98.0.1", PORT), SERVER);
    await b.start(echoDatagrams("10.98.0.1", PORT), SERVER);
  });
  afterAll(async () => b.close());
  beforeEach(({ skip }) => skip(program === undefined, "no /dev/net/tun here"));

  const gets = async (packet: Buffer): Promise<string> => {
    program?.child.stdin?.write(`${packet.toString("hex")}\n`);
    return (await program?.line()) ?? "";
  };
  const all = async () => {
    const ends = { ...OWN, fromPort: ++fromPort };
    const packets = [
      ip(ends, TCP, tcp(ends)),
      ip(ends, UDP, udp(ends, 4)),
      ip(ends, IPPROTO.icmp, echo(ends, 8)),
    ];
    const said: string[] = [];
    for (const packet of packets) said.push(await gets(packet));
    return said;
  };

  test("brings in what its sender may send, and nothing else", async () => {
    await b.provision({ modeIn: "block", policies: everything, peers, subjects: subjects(SERVER) });
    expect(await all()).toEqual(["syn-ack", "datagram", "echo"]);
    await b.provision({ modeIn: "block", peers, subjects: subjects(SERVER) });
    const [first, second, third] = await all();
    expect(first).not.toBe("syn-ack");
    expect(second).toBe("silence");
    if (b.has("judge_at_device")) expect(third).toBe("silence");
  });

  test("counts no bytes for an echo that is shorter than one can be", async ({ skip }) => {
    skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
    await b.provision({ modeIn: "block", policies: everything, peers });
    await b.flows();
    const ends = { ...OWN, fromPort: ++fromPort };
    expect(await gets(ip4(ends, IPPROTO.icmp, echo(ends, 0).subarray(0, 4)))).toBe("silence");
    expect(await b.flows()).toEqual([]);
  });
});
