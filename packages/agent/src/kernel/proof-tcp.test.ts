/** The proof with what TCP can do in a handshake. Software that is not proved is refused at both ends here. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import { TestHost, wire } from "./testing/host.ts";
import { subjects } from "./testing/policies.ts";
import { connect, python } from "./testing/programs.ts";
import { countsOf, newPair, onlyProved, setKeys, turnOn } from "./testing/proofs.ts";
import { SLOWNESS, whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const PORT = 8000;
const MPTCP = 262;

/** Answers each connection with what it got; takes fast open. */
const ECHO = `
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.IPPROTO_TCP, 23, 16)
s.bind((args[0], int(args[1]))); s.listen(64)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    try: c.sendall(b"got " + c.recv(100))
    except OSError: pass
    c.close()`;

const FAST_OPEN = `
import struct
answers = []
for i in range(3):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@qq", ${10 * SLOWNESS}, 0))
    try:
        s.sendto(b"%d" % i, 0x20000000, (args[0], int(args[1])))
        answers.append(s.recv(100).decode())
    except OSError as problem: answers.append(str(problem.errno))
    s.close()
print(json.dumps(answers))`;

const CONNECT_MPTCP = `
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, ${MPTCP}); s.settimeout(${5 * SLOWNESS})
try: s.connect((args[0], int(args[1]))); error = 0
except OSError as problem: error = problem.errno or -1
print(json.dumps({"errno": error}))`;

describe.skipIf(whyNoKernelTests("proof-tcp.test.ts"))("the proof in a handshake", () => {
  let a: TestHost;
  let b: TestHost;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    for (const host of [a, b]) {
      for (const identity of [CLIENT, SERVER]) host.kernel.proof.setNumber(identity, 1000 + identity);
      turnOn(host);
    }
    setKeys(a, b, newPair());
    sysctl(b, "net.ipv4.tcp_fastopen=3");
    sysctl(a, "net.ipv4.tcp_fastopen=1");
    await b.start(python(ECHO, "10.77.0.2", String(PORT)), SERVER);
    const remotes = [CLIENT, SERVER].map((one) => ({ number: 1000 + one, remote: remote.first }));
    await a.provision({
      modeOut: "block",
      policies: onlyProved("out", CLIENT),
      subjects: subjects(CLIENT),
      remotes,
    });
    await b.provision({
      modeIn: "block",
      policies: onlyProved("in", SERVER),
      subjects: subjects(SERVER),
      remotes,
    });
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });
  beforeEach(async () => {
    await b.flows();
  });

  function sysctl(host: TestHost, setting: string): void {
    execFileSync("nsenter", [`--net=/run/netns/${host.name}`, "sysctl", "-qw", setting]);
  }
  const ask = async () =>
    (await a.ask<{ errno: number }>(connect("10.77.0.2", PORT, { send: 1, read: 5 }), CLIENT)).errno;
  const provedAt = async (host: TestHost) => {
    const flows = await host.flows();
    return flows.some((flow) => flow.state === "established" && flow.level === "inBand");
  };

  test("is there with SYN cookies", async () => {
    sysctl(b, "net.ipv4.tcp_syncookies=2");
    expect(await ask()).toBe(0);
    expect(await provedAt(b)).toBe(true);
    sysctl(b, "net.ipv4.tcp_syncookies=1");
  });

  test("is there without timestamps", async () => {
    sysctl(a, "net.ipv4.tcp_timestamps=0");
    expect(await ask()).toBe(0);
    expect(await provedAt(b)).toBe(true);
    sysctl(a, "net.ipv4.tcp_timestamps=1");
  });

  test("is made anew for a SYN that is sent again", async () => {
    const nft = (input: string) =>
      execFileSync("nsenter", [`--net=/run/netns/${a.name}`, "nft", "-f", "-"], { input });
    nft(`table inet lose {
      set seen { typeof tcp sport; flags dynamic; timeout 10s; }
      chain c {
        type filter hook postrouting priority 0
        tcp flags & (syn | ack) == syn tcp dport ${PORT} tcp sport @seen accept
        tcp flags & (syn | ack) == syn tcp dport ${PORT} add @seen { tcp sport } drop
      }
    }
    `);
    const before = countsOf(a).sent;
    expect(await ask()).toBe(0);
    nft("delete table inet lose\n");
    expect(countsOf(a).sent - before).toBeGreaterThanOrEqual(2);
    expect(await provedAt(b)).toBe(true);
  });

  test("is there in the SYN of MPTCP, to a server that speaks TCP", async ({ skip }) => {
    if (!existsSync("/proc/sys/net/mptcp")) return skip("this kernel has no MPTCP");
    const { errno } = await a.ask<{ errno: number }>(
      python(CONNECT_MPTCP, "10.77.0.2", String(PORT)),
      CLIENT,
    );
    expect(errno).toBe(0);
    expect(await provedAt(b)).toBe(true);
  });

  test("is never left out for the sake of fast open", async () => {
    const answers = await a.ask<string[]>(python(FAST_OPEN, "10.77.0.2", String(PORT)), CLIENT);
    expect(answers).toEqual(["got 0", "got 1", "got 2"]);
    const established = (await b.flows()).filter((flow) => flow.state === "established" && flow.count > 0n);
    expect(established.every((flow) => flow.level === "inBand")).toBe(true);
  });
});
