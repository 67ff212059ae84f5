/** The proof where both ends speak MPTCP (RFC 8684), whose own options take the room that it needs. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import { TestHost, wire } from "./testing/host.ts";
import { allow, subjects } from "./testing/policies.ts";
import { python } from "./testing/programs.ts";
import { newPair, onlyProved, setKeys, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const PORT = 8000;
/** Answers late enough for subflows to have joined. */
const SLOW_PORT = 8001;
const MPTCP = 262;
const NUMBERS = [CLIENT, SERVER].map((one) => ({ number: 1000 + one, remote: remote.first }));

/** Answers each connection with whether it is MPTCP and how many further subflows it has by then. */
const SERVE = `
import struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, ${MPTCP})
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((args[0], int(args[1]))); s.listen(64)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    try:
        c.recv(100); time.sleep(float(args[2]))
        try: said = {"mptcp": True, "subflows": c.getsockopt(284, 1, 64)[0]}
        except OSError: said = {"mptcp": False, "subflows": 0}
        c.sendall(json.dumps(said).encode())
    except OSError: pass
    c.close()`;

const ASK = `
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, ${MPTCP}); s.settimeout(8)
try:
    s.connect((args[0], int(args[1]))); s.sendall(b"?")
    print(json.dumps({"errno": 0, **json.loads(s.recv(100))}))
except OSError as problem: print(json.dumps({"errno": problem.errno or -1}))`;

interface Answer {
  readonly errno: number;
  readonly mptcp?: boolean;
  readonly subflows?: number;
}

describe.skipIf(whyNoKernelTests("proof-mptcp.test.ts"))("the proof in MPTCP", () => {
  let a: TestHost;
  let b: TestHost;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    for (const host of [a, b]) {
      for (const { number } of NUMBERS) host.kernel.proof.setNumber(number - 1000, number);
      turnOn(host);
    }
    setKeys(a, b, newPair());
    await b.start(python(SERVE, "10.77.0.2", String(PORT), "0"), SERVER);
    await b.start(python(SERVE, "10.77.0.2", String(SLOW_PORT), "1.5"), SERVER);
    // Kernels since 6.12 give MPTCP up for an hour where a handshake was not answered.
    for (const host of [a, b]) sysctl(host, "-e", "net.mptcp.blackhole_timeout=0");
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });
  beforeEach(async () => {
    for (const host of [a, b]) sysctl(host, "net.ipv4.tcp_timestamps=1");
    await provisionServer();
    for (const host of [a, b]) await host.flows();
  });

  const provisionServer = () =>
    b.provision({
      modeIn: "block",
      policies: onlyProved("in", SERVER),
      subjects: subjects(SERVER),
      remotes: NUMBERS,
    });
  const ask = (port = PORT) => a.ask<Answer>(python(ASK, "10.77.0.2", String(port)), CLIENT);
  const governClient = (policies: ReturnType<typeof onlyProved>) =>
    a.provision({ modeOut: "block", policies, subjects: subjects(CLIENT), remotes: NUMBERS });
  const levelsAt = async (host: TestHost) =>
    (await host.flows()).filter((flow) => flow.state === "established").map((flow) => flow.level);

  test("is in the SYN, and the server's rule sees the client's software", async () => {
    await governClient([allow({ direction: "out" })]);
    expect(await ask()).toMatchObject({ errno: 0, mptcp: true });
    expect(await levelsAt(b)).toEqual(["inBand"]);
  });

  test("is there at both ends without timestamps", async () => {
    await governClient(onlyProved("out", CLIENT));
    for (const host of [a, b]) sysctl(host, "net.ipv4.tcp_timestamps=0");
    expect(await ask()).toMatchObject({ errno: 0, mptcp: true });
    expect(await levelsAt(a)).toEqual(["inBand"]);
    expect(await levelsAt(b)).toEqual(["inBand"]);
  });

  test("has no room in the SYN-ACK beside timestamps, so a rule that names the server is not met", async () => {
    await governClient(onlyProved("out", CLIENT));
    const before = b.kernel.counters().proofNoRoom;
    expect((await ask()).errno).not.toBe(0);
    expect(b.kernel.counters().proofNoRoom).toBeGreaterThan(before);
  });

  describe("with a second address at the client", () => {
    beforeAll(() => {
      a.ip("addr", "add", "10.77.0.11/24", "dev", "wire0");
      for (const host of [a, b]) mptcp(host, "limits", "set", "subflows", "2", "add_addr_accepted", "2");
      mptcp(a, "endpoint", "add", "10.77.0.11", "dev", "wire0", "subflow");
    });

    test("joins a subflow where nothing is asked of it", async () => {
      await governClient([allow({ direction: "out" })]);
      await b.provision({ modeIn: "block", policies: [allow({ direction: "in" })], subjects: [] });
      expect(await ask(SLOW_PORT)).toEqual({ errno: 0, mptcp: true, subflows: 1 });
    });

    test("joins none that is not proved, and the connection goes on", async () => {
      await governClient([allow({ direction: "out" })]);
      await provisionServer();
      expect(await ask(SLOW_PORT)).toEqual({ errno: 0, mptcp: true, subflows: 0 });
    });
  });
});

function mptcp(host: TestHost, ...args: string[]): void {
  execFileSync("ip", ["-n", host.name, "mptcp", ...args]);
}

function sysctl(host: TestHost, ...settings: string[]): void {
  execFileSync("nsenter", [`--net=/run/netns/${host.name}`, "sysctl", "-qw", ...settings]);
}
