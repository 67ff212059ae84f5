/** What an attacker can try against the proof behind a datagram, with real packets on the wire. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import { TestHost, wire } from "./testing/host.ts";
import { inject, outside, startCapture } from "./testing/injection.ts";
import { allow, deny, subjects, UDP } from "./testing/policies.ts";
import { echoDatagrams, sendDatagram } from "./testing/programs.ts";
import { datagramCountsOf, newPair, setKeys, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const PORT = 9300;
const OTHER_PORT = 9301;
const RIGHT = remote.first;
const SURPLUS_BYTES = 26;
/** So that flows end while the test waits. */
const REPLY_S = 1;
/** As many as the tests below take, and a few for a second try. */
const PACKETS = 12;

interface Sent {
  readonly errno: number;
  readonly got: number;
}

function onlyRight(direction: "in" | "out", subject: number) {
  const own = { direction, subject, peer: 0, proto: UDP, rule: 7 } as const;
  return [allow(own), allow({ ...own, remote: RIGHT }), deny({ ...own, remote: remote.unknown, rule: 0 })];
}

describe.skipIf(whyNoKernelTests("datagram-proof-attacks.test.ts"))("an attacker with datagrams", () => {
  let a: TestHost;
  let b: TestHost;
  const packets: Buffer[] = [];

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    b.unload();
    b.reload("--reply-seconds", String(REPLY_S));
    wire(a, b, "--prove-datagrams");
    for (const host of [a, b]) {
      for (const identity of [CLIENT, SERVER]) host.kernel.proof.setNumber(identity, 1000 + identity);
      turnOn(host);
    }
    for (const port of [PORT, OTHER_PORT]) await b.start(echoDatagrams("10.77.0.2", port), SERVER);
    setKeys(a, b, newPair(), "expected", { datagramPath: "expected" });
    await a.provision({
      modeOut: "block",
      policies: [allow({ direction: "out", proto: UDP })],
      subjects: subjects(CLIENT),
      remotes: [{ number: 1000 + SERVER, remote: RIGHT }],
    });
    await b.provision({
      modeIn: "block",
      policies: onlyRight("in", SERVER),
      subjects: subjects(SERVER),
      remotes: [{ number: 1000 + CLIENT, remote: RIGHT }],
    });
  });
  beforeAll(async () => {
    while (packets.length < PACKETS) packets.push(await record());
    await sleep((REPLY_S + 1) * 1500);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const injected = (packet: Buffer) => {
    // The kernel left it to the device; over IPv4 it may be missing.
    packet.writeUInt16BE(0, 26);
    return inject(a, packet);
  };
  const wrong = () => datagramCountsOf(b).wrong;
  const missing = () => datagramCountsOf(b).missing;

  const record = async (): Promise<Buffer> => {
    const capture = await startCapture(a, PORT, UDP);
    const sent = await a.ask<Sent>(sendDatagram("10.77.0.2", PORT, { answer: true }), CLIENT);
    expect(sent).toEqual({ errno: 0, got: 10 });
    return capture.packet();
  };
  /** A datagram that was answered, as it went by; its flow is over. One for each that asks. */
  const recorded = async (): Promise<Buffer> => packets.pop() ?? record();

  test("who is outside the agent's reach is refused", async () => {
    const before = missing();
    const sent = await outside<Sent>(a, sendDatagram("10.77.0.2", PORT, { answer: true }));
    expect(sent.errno).not.toBe(0);
    expect(missing()).toBeGreaterThan(before);
  });

  test("the exact datagram of a flow that was is refused", async () => {
    const packet = await recorded();
    const before = wrong();
    expect(await injected(packet)).toBe("silence");
    expect(wrong()).toBeGreaterThan(before);
  });

  test.each([
    ["the proof on another port", (packet: Buffer) => packet.writeUInt16BE(OTHER_PORT, 22)],
    ["the proof from another port", (packet: Buffer) => packet.writeUInt16BE(7, 20)],
    ["the proof with another stamp", (packet: Buffer) => packet.writeUInt32BE(7, packet.length - 16)],
    ["the proof as an answer", (packet: Buffer) => packet.writeUInt32BE(7, packet.length - 12)],
    ["a made-up MAC", (packet: Buffer) => packet.fill(0x5a, packet.length - 8)],
    [
      "another program's number",
      (packet: Buffer) => packet.writeUInt8((packet.at(-17) ?? 0) ^ 1, packet.length - 17),
    ],
    [
      "a length that hides the proof in the data",
      (packet: Buffer) => packet.writeUInt16BE(packet.length - 20, 24),
    ],
  ])("%s is refused", async (_, change) => {
    const packet = await recorded();
    change(packet);
    const before = wrong() + missing();
    expect(await injected(packet)).toBe("silence");
    expect(wrong() + missing()).toBeGreaterThan(before);
  });

  test("a proof that was taken out on the way is missing", async () => {
    const packet = (await recorded()).subarray(0, -SURPLUS_BYTES);
    packet.writeUInt16BE(packet.length, 2);
    const before = missing();
    expect(await injected(packet)).toBe("silence");
    expect(missing()).toBeGreaterThan(before);
  });

  test("a datagram that never arrived is let in, so that the refusals above say something", async () => {
    const capture = await startCapture(a, PORT, UDP);
    // To nobody on the wire.
    const neighbour = ["neigh", "replace", "10.77.0.2", "dev", "wire0"];
    a.ip(...neighbour, "lladdr", "02:00:00:00:00:01");
    const asked = a.ask<Sent>(sendDatagram("10.77.0.2", PORT, { answer: true }), CLIENT);
    const packet = await capture.packet();
    await asked;
    a.ip("neigh", "del", "10.77.0.2", "dev", "wire0");
    expect(await injected(packet)).toBe("answer");
  });
});
