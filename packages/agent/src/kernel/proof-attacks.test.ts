/** What an attacker can try against the proof, with real packets on the wire. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import { TestHost, wire } from "./testing/host.ts";
import { inject, nft, outside, startCapture, unNft, writeChecksum } from "./testing/injection.ts";
import { allow, deny, subjects, TCP } from "./testing/policies.ts";
import { connect, python, serve } from "./testing/programs.ts";
import { countsOf, newPair, setKeys, turnOn } from "./testing/proofs.ts";
import { SLOWNESS, whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const OPEN_SERVER = 22;
const PORT = 8000;
const OTHER_PORT = 8001;
const RIGHT = remote.first;

interface Connected {
  readonly errno: number;
}

function onlyRight(direction: "in" | "out", subject: number) {
  const own = { direction, subject, peer: 0, rule: 7 } as const;
  return [allow(own), allow({ ...own, remote: RIGHT }), deny({ ...own, remote: remote.unknown, rule: 0 })];
}

describe.skipIf(whyNoKernelTests("proof-attacks.test.ts"))("an attacker at the client's address", () => {
  let a: TestHost;
  let b: TestHost;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    for (const host of [a, b])
      for (const identity of [CLIENT, SERVER]) host.kernel.proof.setNumber(identity, 1000 + identity);
    b.ip("addr", "add", "10.77.0.3/24", "dev", "wire0");
    // It reads until the client closes, so that nothing of a connection stays at the server.
    for (const port of [PORT, OTHER_PORT]) await b.start(serve("10.77.0.2", port, { read: 1 }), SERVER);
    await b.start(serve("10.77.0.3", PORT), OPEN_SERVER);
    for (const host of [a, b]) turnOn(host);
    setKeys(a, b, newPair());
    await a.provision({
      modeOut: "block",
      policies: [allow({ direction: "out" })],
      subjects: subjects(CLIENT),
      remotes: [{ number: 1000 + SERVER, remote: RIGHT }],
    });
    await b.provision({
      modeIn: "block",
      policies: [...onlyRight("in", SERVER), allow({ direction: "in", subject: OPEN_SERVER })],
      subjects: subjects(SERVER, OPEN_SERVER),
      remotes: [{ number: 1000 + CLIENT, remote: RIGHT }],
    });
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });
  beforeEach(() => {
    b.events.length = 0;
  });

  const injected = (packet: Buffer) => {
    // The kernel left it to the device.
    writeChecksum(packet);
    return inject(a, packet);
  };

  /** A connection that was allowed, with its SYN as it went by. */
  const recorded = async (): Promise<Buffer> => {
    const capture = await startCapture(a, PORT, TCP);
    const { errno } = await a.ask<Connected>(connect("10.77.0.2", PORT), CLIENT);
    expect(errno).toBe(0);
    const packet = await capture.packet();
    // Until both ends have forgotten it.
    await sleep(200 * SLOWNESS);
    return packet;
  };
  /** A reset can be here before the event of what it answers was read. */
  const expectFault = (fault: string) => expect.poll(faults, { timeout: 10_000 * SLOWNESS }).toContain(fault);
  const faults = () => b.events.flatMap((event) => (event.type === "proof" ? [event.fault] : []));

  test("who is outside the agent's reach is refused", async () => {
    const { errno } = await outside<Connected>(a, connect("10.77.0.2", PORT, { timeoutS: 5 }));
    expect(errno).not.toBe(0);
    await expectFault("missing");
  });

  test("the exact SYN of a connection that was is refused", async () => {
    const packet = await recorded();
    expect(await injected(packet)).not.toBe("syn-ack");
    await expectFault("replay");
  });

  test("the exact SYN is refused from any port where the pair leaves ports out", async () => {
    const pair = newPair();
    setKeys(a, b, pair, "expected", { changes: { addresses: false, ports: true } });
    const packet = await recorded();
    packet.writeUInt16BE(packet.readUInt16BE(20) ^ 0x5a5a, 20);
    expect(await injected(packet)).not.toBe("syn-ack");
    await expectFault("replay");
    setKeys(a, b, pair);
  });

  test.each([
    ["the option on another port", (packet: Buffer) => packet.writeUInt16BE(OTHER_PORT, 22)],
    ["the option with another sequence number", (packet: Buffer) => packet.writeUInt32BE(7, 24)],
    ["a made-up MAC", (packet: Buffer) => packet.fill(0x5a, packet.length - 8)],
    [
      "another program's number",
      (packet: Buffer) => packet.writeUInt8((packet.at(-9) ?? 0) ^ 1, packet.length - 9),
    ],
  ])("%s is refused", async (_, change) => {
    const packet = await recorded();
    change(packet);
    expect(await injected(packet)).not.toBe("syn-ack");
    await expectFault("mac");
  });

  test("what was let in to another of the host's addresses opens nothing here", async () => {
    const packet = (await recorded()).subarray(0, 40);
    packet.writeUInt16BE(40_123, 20);
    packet.writeUInt8(0x50, 32); // a TCP header without options
    packet.set([10, 77, 0, 3], 16);
    expect(await injected(packet)).toBe("syn-ack");
    packet.set([10, 77, 0, 2], 16);
    expect(await injected(packet)).not.toBe("syn-ack");
  });

  test("a SYN that was never answered is let in, so that the refusals above say something", async () => {
    const server = countsOf(b);
    const capture = await startCapture(a, PORT, TCP);
    nft(b, "prerouting", `tcp dport ${PORT} drop`);
    const asked = a.ask<Connected>(connect("10.77.0.2", PORT, { timeoutS: 1 }), CLIENT);
    const packet = await capture.packet();
    await asked;
    unNft(b);
    expect(await injected(packet)).toBe("syn-ack");
    expect(countsOf(b).proved).toBeGreaterThan(server.proved);
  });

  describe("on the way, taking options out", () => {
    const strip = () => nft(a, "postrouting", "reset tcp option 254");
    const unstrip = () => unNft(a);

    test("gains nothing while the path is expected, and lowers the level once it is marked", async () => {
      const pair = newPair();
      setKeys(a, b, pair);
      strip();
      try {
        const before = countsOf(b);
        expect((await a.ask<Connected>(connect("10.77.0.2", PORT, { timeoutS: 2 }), CLIENT)).errno).not.toBe(
          0,
        );
        expect(countsOf(b).missing).toBeGreaterThan(before.missing);
        setKeys(a, b, pair, "stripped");
        await b.flows();
        expect((await a.ask<Connected>(connect("10.77.0.2", PORT, { timeoutS: 5 }), CLIENT)).errno).toBe(0);
        expect(await b.flows()).toContainEqual(
          expect.objectContaining({ verdict: "allowed", level: "address", state: "established" }),
        );
      } finally {
        unstrip();
        setKeys(a, b, pair);
      }
    });

    test("a connection that is waiting gets through when the path is marked", async () => {
      const pair = newPair();
      setKeys(a, b, pair);
      strip();
      try {
        const { missing } = countsOf(b);
        const asked = a.ask<Connected>(connect("10.77.0.2", PORT, { timeoutS: 8 }), CLIENT);
        await expect.poll(() => countsOf(b).missing, { timeout: 5000 * SLOWNESS }).toBeGreaterThan(missing);
        setKeys(a, b, pair, "stripped");
        expect((await asked).errno).toBe(0);
      } finally {
        unstrip();
        setKeys(a, b, pair);
      }
    });
  });
});

describe.skipIf(whyNoKernelTests("proof-attacks.test.ts"))("a table of connections that was filled", () => {
  let a: TestHost;
  let b: TestHost;
  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    a.unload();
    a.reload("--connections", "8");
    wire(a, b);
    await b.start(serve("10.77.0.2", PORT), SERVER);
    turnOn(a);
    setKeys(a, b, newPair());
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  /** Connects beside many sockets to a server that proves nothing. */
  const crowded = (): Promise<Connected> =>
    a.ask<Connected>(
      python(`
crowd = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]
for one in crowd: one.connect(("127.0.0.1", 9))
s = socket.socket()
s.settimeout(${3 * SLOWNESS})
print(json.dumps({"errno": s.connect_ex(("10.77.0.2", ${PORT}))}), flush=True)`),
      CLIENT,
    );

  test("lets nobody reach software that has to prove itself", async () => {
    await a.provision({ modeOut: "block", policies: onlyRight("out", CLIENT), subjects: subjects(CLIENT) });
    expect(await crowded()).toEqual({ errno: a.refusal });
    expect(a.kernel.counters().connectionsFull).toBeGreaterThan(0n);
  });

  test("changes nothing where no proof is asked for", async () => {
    const policies = [allow({ direction: "out", subject: CLIENT })];
    await a.provision({ modeOut: "block", policies, subjects: subjects(CLIENT) });
    expect(await crowded()).toEqual({ errno: 0 });
  });
});
