/** Packet sockets: what they send meets no hook of a cgroup, and is judged at the device. */
import { constants } from "node:os";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { proto } from "./generated/layout.ts";
import { denialsTold } from "./testing/events-told.ts";
import { type Running, TestHost, wire } from "./testing/host.ts";
import { address, allow, peer, subjects, UDP } from "./testing/policies.ts";
import { python } from "./testing/programs.ts";
import { SLOWNESS, whyNoKernelTests } from "./testing/requirements.ts";

const { EPERM } = constants.errno;
const CLIENT = 11;
const DHCP = 12;
const OTHER = 13;
const OPEN = 5000;

/**
 * Sends one frame through a packet socket on wire0, and says whether it left: {errno, sent}. `what` is a UDP port, v4 or
 * v6, or an EtherType. A frame that a program at the device drops fails with ENOBUFS where the kernel says so.
 */
function sendFrame(what: string, { bypass = false, claim = 0 } = {}): string[] {
  return python(
    `
import struct
what, bypass = args[0], args[1] == "true"
kind, _, number = what.partition("/")
def udp(port): return struct.pack("!HHHH", 68, port, 12, 0) + b"fram"
def packet():
    if kind == "udp4":
        ends = socket.inet_aton("10.77.0.1"), socket.inet_aton("10.77.0.2")
        return 0x0800, struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, 0, 0, 64, 17, 0, *ends) + udp(int(number))
    if kind == "udp6":
        ends = [socket.inet_pton(socket.AF_INET6, "fd77::" + end) for end in "12"]
        return 0x86dd, struct.pack("!IHBB16s16s", 6 << 28, 12, 17, 64, *ends) + udp(int(number))
    return int(number, 16), b"x" * 46
said = {"errno": 0, "stage": "socket"}
try:
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    said["stage"] = "option"
    if bypass: s.setsockopt(263, 20, 1)
    said["stage"] = "send"
    s.bind(("wire0", 0))
    kind_of, body = packet()
    frame = b"\\xff" * 6 + b"\\x02" * 6 + struct.pack("!H", kind_of) + body
    if args[2] != "0": s.sendto(frame, ("wire0", int(args[2])))
    else: s.send(frame)
except OSError as problem: said["errno"] = problem.errno
print(json.dumps(said), flush=True)`,
    what,
    String(bypass),
    String(claim),
  );
}

/**
 * Counts the frames of a kind that arrive until its standard input ends and 0.3 s after, on a machine of usual speed; prints
 * "ready", then {frames}. How long their sender takes to start says nothing.
 */
function hearFrames(): string[] {
  return python(`
import select
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("wire0", 0)); s.setblocking(False)
print("ready", flush=True)
frames, watched, rest = 0, [s, 0], None
while ready := select.select(watched, [], [], rest)[0]:
    if 0 in ready: watched, rest = [s], ${0.3 * SLOWNESS}
    if s not in ready: continue
    data = s.recv(2048)
    if b"fram" in data or b"x" * 40 in data: frames += 1
print(json.dumps({"frames": frames}), flush=True)`);
}

type Said = { readonly errno: number; readonly stage: string };

async function heardBy(ear: Running, send: () => Promise<unknown>): Promise<number> {
  await send();
  ear.child.stdin?.end();
  const { frames } = JSON.parse(await ear.line()) as { frames: number };
  await ear.stop();
  return frames;
}

describe.skipIf(whyNoKernelTests("packet-sockets.test.ts"))("packet sockets", () => {
  let a: TestHost;
  let b: TestHost;
  beforeAll(() => {
    a = new TestHost("p");
    b = new TestHost("q");
    wire(a, b);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });
  const policies = [
    allow({ proto: UDP, subject: CLIENT, port: OPEN, portBits: 16, peer: 5, rule: 6 }),
    allow({ proto: UDP, port: 67, portBits: 16, essential: true, rule: 7 }),
    allow({ proto: proto.other, subject: DHCP, rule: 4 }),
    allow({ proto: UDP, subject: DHCP, rule: 4 }),
  ];
  const policy = {
    policies,
    peers: [peer("10.77.0.2", 5), peer("fd77::2", 5)],
    subjects: subjects(CLIENT, DHCP, OTHER),
  };
  beforeEach(async () => {
    await a.provision({ modeOut: "block", ...policy });
    await a.flows();
  });

  /** How many of the frames arrived at the other host. */
  async function arrive(send: () => Promise<unknown>): Promise<number> {
    return await heardBy(await b.start(hearFrames()), send);
  }
  const frame = (what: string, identity: number, more = {}) => a.ask<Said>(sendFrame(what, more), identity);

  const CASES = [
    ["a datagram that a rule allows", `udp4/${OPEN}`, CLIENT, 1],
    ["the same by IPv6", `udp6/${OPEN}`, CLIENT, 1],
    ["another port", "udp4/5001", CLIENT, 0],
    ["another port by IPv6", "udp6/5001", CLIENT, 0],
    ["other software's", `udp4/${OPEN}`, OTHER, 0],
    ["DHCP, which is essential, by anybody", "udp4/67", OTHER, 1],
    ["anything by software with a rule without ports", "udp4/5001", DHCP, 1],
    ["ARP, without which no host can be reached", "raw/0806", OTHER, 1],
    ["EAPOL, without which no port opens", "raw/888e", OTHER, 1],
    ["a protocol that no rule knows", "raw/1234", OTHER, 0],
    ["that by software with a rule without ports", "raw/1234", DHCP, 1],
  ] as const;

  test.for(CASES)("%s (%s)", async ([_, what, identity, frames], { skip }) => {
    skip(!a.has("judge_frames_out") && frames === 0, "no `judge_frames_out` on this kernel");
    const refused = a.has("packet_socket") && identity !== DHCP;
    expect(await arrive(() => frame(what, identity))).toBe(refused ? 0 : frames);
  });

  test("a frame that claims to be of another kind than it is is refused", async ({ skip }) => {
    skip(!a.has("judge_frames_out"), "no `judge_frames_out` on this kernel");
    expect(await arrive(() => frame("udp4/5001", CLIENT, { claim: 0x0806 }))).toBe(0);
    expect(await arrive(() => frame("raw/1234", CLIENT, { claim: 0x0800 }))).toBe(0);
  });

  test("a refused frame is told with its address and port, and counted", async ({ skip }) => {
    skip(
      !a.has("judge_frames_out") || a.has("packet_socket"),
      "the frame meets no hook on this kernel, or the socket is refused before",
    );
    const before = a.kernel.counters().rawRefused;
    await frame("udp4/5001", CLIENT);
    await frame("raw/1234", OTHER);
    const flows = (await a.flows()).map(({ identity, proto, port, verdict, state }) => ({
      ...{ identity, proto, port, verdict, state },
    }));
    const denied = { verdict: "blocked", state: "denied" };
    expect(flows).toEqual(
      expect.arrayContaining([
        { identity: CLIENT, proto: UDP, port: 5001, ...denied },
        { identity: OTHER, proto: proto.other, port: 0, ...denied },
      ]),
    );
    expect((await denialsTold(a)).findLast(({ identity }) => identity === CLIENT)).toMatchObject({
      address: address("10.77.0.2"),
      port: 5001,
    });
    expect(a.kernel.counters().rawRefused).toBe(before + 2n);
  });

  test("going around the device's queue is refused where frames are judged by rules", async ({ skip }) => {
    skip(!a.has("guard_options"), "no `guard_options` on this kernel");
    const stage = a.has("packet_socket") ? "socket" : "option";
    expect(await frame(`udp4/${OPEN}`, CLIENT, { bypass: true })).toEqual({ errno: EPERM, stage });
    expect(await frame(`udp4/${OPEN}`, DHCP, { bypass: true })).toEqual({ errno: 0, stage: "send" });
    // With AF_XDP everything begins with memory that is registered by an option.
    const xdp = python(`
said = {"errno": 0, "stage": "socket"}
try:
    s = socket.socket(44, socket.SOCK_RAW, 0)
    said["stage"] = "option"
    s.setsockopt(283, 4, bytes(32))
except OSError as problem: said["errno"] = problem.errno
print(json.dumps(said), flush=True)`);
    expect(await a.ask<Said>(xdp, CLIENT)).toEqual({ errno: EPERM, stage });
    expect((await a.ask<Said>(xdp, DHCP)).errno).not.toBe(EPERM);
  });

  test("options longer than a page, and of other sockets, pass", async () => {
    const filter = python(`
import ctypes
errno = 0
try:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    s.setsockopt(socket.IPPROTO_IP, 41, b"\\0" * 8192)
except OSError as problem: errno = problem.errno
print(json.dumps({"errno": errno, "buffer": s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)}), flush=True)`);
    // EINVAL or EADDRNOTAVAIL: the kernel has read what it was given (IP_MSFILTER).
    const { errno, buffer } = await a.ask<{ errno: number; buffer: number }>(filter, OTHER);
    expect([constants.errno.EINVAL, constants.errno.EADDRNOTAVAIL, constants.errno.ENODEV]).toContain(errno);
    expect(buffer).toBe(131_072);
  });

  test.for([
    ["observe", "wouldBlock"],
    ["alert", "wouldBlockAlert"],
  ] as const)("in %s everything passes as %s", async ([modeOut, verdict], { skip }) => {
    await a.provision({ modeOut, ...policy });
    await a.flows();
    expect(await arrive(() => frame("udp4/5001", OTHER, { bypass: false }))).toBe(1);
    skip(!a.has("judge_frames_out"), "no `judge_frames_out` on this kernel");
    expect(await a.flows()).toContainEqual(expect.objectContaining({ port: 5001, verdict }));
  });

  test("what packet sockets of another workload send is none of this one's business", async () => {
    await b.provision({ modeOut: "observe" });
    const ear = await a.start(hearFrames(), DHCP);
    expect(await heardBy(ear, () => b.run(sendFrame("raw/1234")))).toBe(1);
  });
});
