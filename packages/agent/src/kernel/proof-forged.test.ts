/** An answer to a SYN that was never seen: who guesses addresses and ports alone ends nobody's attempt to connect. */
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import { TestHost, wire } from "./testing/host.ts";
import { inject, nft, startCapture, unNft, writeChecksum } from "./testing/injection.ts";
import { subjects, TCP } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { countsOf, newPair, onlyProved, setKeys, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const PORT = 8000;
const FLAGS_AT = 33;
const SYN = 0x02;
const RESET_ACK = 0x14;
const SYN_ACK = 0x12;

describe.skipIf(whyNoKernelTests("proof-forged.test.ts")).each([
  ["the device's program", true],
  ["the socket's hook alone", false],
])("a client that is guarded by %s", (_, atDevice) => {
  let a: TestHost;
  let b: TestHost;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    if (!atDevice) {
      const devices = path.join(a.pin, "devices");
      for (const name of readdirSync(devices)) if (/^\d/.test(name)) rmSync(path.join(devices, name));
    }
    for (const host of [a, b])
      for (const identity of [CLIENT, SERVER]) host.kernel.proof.setNumber(identity, 1000 + identity);
    await b.start(serve("10.77.0.2", PORT), SERVER);
    for (const host of [a, b]) turnOn(host);
    setKeys(a, b, newPair());
    await a.provision({
      modeOut: "block",
      policies: onlyProved("out", CLIENT),
      subjects: subjects(CLIENT),
      remotes: [{ number: 1000 + SERVER, remote: remote.first }],
    });
    await b.provision({ modeIn: "observe", subjects: subjects(SERVER) });
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });
  beforeEach(async () => {
    await a.flows();
  });

  /** A program at the server's address that has not seen the SYN, and says what came back. */
  const injected = (packet: Buffer) => {
    writeChecksum(packet);
    return inject(b, packet);
  };

  /** From the server, with the SYN's own option, whose MAC says nothing of this packet. */
  const answerTo = (syn: Buffer, flags: number, acknowledges: number): Buffer => {
    const packet = Buffer.from(syn);
    syn.copy(packet, 12, 16, 20);
    syn.copy(packet, 16, 12, 16);
    syn.copy(packet, 20, 22, 24);
    syn.copy(packet, 22, 20, 22);
    packet.writeUInt32BE(0x12345678, 24);
    packet.writeUInt32BE(acknowledges >>> 0, 28);
    packet.writeUInt8(flags, FLAGS_AT);
    return packet;
  };

  /** Connects, first to a server that hears nothing, while somebody sends the client what `forge` makes of its SYN. */
  const connectBeside = async (
    forge: (syn: Buffer, isn: number) => Buffer,
    { silentForGood = false } = {},
  ) => {
    const capture = await startCapture(a, PORT, TCP);
    nft(b, "prerouting", `tcp dport ${PORT} tcp flags & (syn | rst) == syn drop`);
    try {
      const timeoutS = silentForGood ? 3 : 8;
      const asked = a.ask<{ errno: number }>(connect("10.77.0.2", PORT, { timeoutS }), CLIENT);
      const syn = await capture.packet();
      const heard = await injected(forge(syn, syn.readUInt32BE(24)));
      if (silentForGood) await asked;
      else unNft(b);
      return { heard, errno: (await asked).errno };
    } finally {
      if (silentForGood) unNft(b);
    }
  };

  test.each([
    ["another SYN", -5000, "reset"],
    ["the number before the SYN", 0, "reset"],
    ["what was not sent yet", 2, "reset"],
  ])("connects though a SYN-ACK acknowledges %s", async (_what, ahead, heard) => {
    const before = countsOf(a);
    const said = await connectBeside((syn, isn) => answerTo(syn, SYN_ACK, isn + ahead));
    expect(said).toEqual({ heard, errno: 0 });
    expect(countsOf(a)).toMatchObject({ wrong: before.wrong, proved: before.proved + 1 });
    expect(await a.flows()).toEqual([expect.objectContaining({ verdict: "allowed", level: "inBand" })]);
  });

  test("connects though a SYN crosses its own", async () => {
    const said = await connectBeside((syn) => answerTo(syn, SYN, 0));
    expect(said).toEqual({ heard: "silence", errno: 0 });
    expect(await a.flows()).toEqual([expect.objectContaining({ verdict: "allowed", level: "inBand" })]);
  });

  test("does not take a reset that acknowledges another SYN for the server's", async () => {
    await connectBeside((syn, isn) => answerTo(syn, RESET_ACK, isn - 5000), { silentForGood: true });
    expect(await a.flows()).toEqual([expect.objectContaining({ verdict: "allowed", state: "timeout" })]);
  });

  test("is refused where the number is right and the proof is not, so that the tests above say something", async () => {
    const said = await connectBeside((syn, isn) => answerTo(syn, SYN_ACK, isn + 1));
    expect(said.errno).not.toBe(0);
    expect(await a.flows()).toEqual([expect.objectContaining({ verdict: "blocked", reason: "wrongProof" })]);
  });
});
