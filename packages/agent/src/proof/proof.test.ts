import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import type { ProofEvent } from "../kernel/contract.ts";
import { decodeDatagramOption, encodeSurplus } from "./datagram-option.ts";
import { describeOption } from "./describe-option.ts";
import { newKeyRing, turnKeyRing } from "./key-ring.ts";
import { createOwnKey, formatOwnKey, pairKey, parseOwnKey, publicKeyOf, sharedSecret } from "./keys.ts";
import { nameFault } from "./name-fault.ts";
import { decodeOption, encodeOption, epochOf, findOption, type ProvedPacket } from "./option.ts";
import { loadOwnKeys } from "./own-keys.ts";
import { type ProofPeer, peerState } from "./pair-keys.ts";
import { sipHash24 } from "./siphash.ts";
import { exampleCapture, exampleDatagram } from "./testing/capture.ts";
import { DATAGRAM_EXAMPLE, EXAMPLE } from "./testing/example.ts";

const COUNTING = Uint8Array.from({ length: 64 }, (_, i) => i);

describe("SipHash-2-4", () => {
  // The paper's appendix A, and the first, eighth and last of the authors' published test vectors.
  test.each([
    [15, "e545be4961ca29a1"],
    [0, "310e0edd47db6f72"],
    [8, "6224939a79f5f593"],
    [63, "724506eb4c328a95"],
  ])("of the first %i bytes is the published vector", (length, expected) => {
    const hash = sipHash24(COUNTING.subarray(0, 16), COUNTING.subarray(0, length));
    expect(Buffer.from(hash).toString("hex")).toBe(expected);
  });
});

describe("the option", () => {
  const { key, packet, epoch, word, option } = EXAMPLE;

  test("is the documented example", () => {
    expect(Buffer.from(encodeOption(word, packet, epoch, key)).toString("hex")).toBe(option);
  });

  test("is read back from among the options, wherever it stands", () => {
    const bytes = Buffer.from(option, "hex");
    const mss = [2, 4, 5, 180, 1, 1];
    for (const options of [
      [...mss, ...bytes],
      [...bytes, ...mss],
      [1, ...bytes, 1, 1],
    ])
      expect(findOption(Uint8Array.from(options))).toMatchObject({ ...word, epochBits: epoch & 3 });
  });

  test.each([
    ["another kind", [253, 16, 0x52, 0x57]],
    ["another length", [254, 12, 0x52, 0x57]],
    ["another experiment", [254, 16, 0x52, 0x58]],
  ])("is not seen in %s", (_, start) => {
    expect(decodeOption(Uint8Array.from([...start, ...new Array<number>(12).fill(0)]))).toBeNull();
  });

  test("changes with every part of the connection", () => {
    const changes: Partial<ProvedPacket>[] = [
      { source: packet.destination },
      { destination: packet.source },
      { sourcePort: packet.sourcePort + 1 },
      { destinationPort: packet.destinationPort + 1 },
      { sequence: packet.sequence + 1 },
      { acknowledgement: 1 },
      { kind: "syn-ack" },
    ];
    const macs = changes.map((change) =>
      Buffer.from(encodeOption(word, { ...packet, ...change }, epoch, key)).toString("hex"),
    );
    expect(new Set([...macs, option]).size).toBe(changes.length + 1);
  });

  test("is taken for an epoch of at most one away", () => {
    for (const own of [1000, 1001, 1002, 1003])
      for (const distance of [-1, 0, 1]) expect(epochOf((own + distance) & 3, own)).toBe(own + distance);
    expect(epochOf(1002 & 3, 1000)).toBeNull();
  });
});

describe("pair keys", () => {
  const a = createOwnKey(1);
  const b = createOwnKey(4);
  const secrets = [
    sharedSecret(a, { generation: 4, publicKey: publicKeyOf(b) }),
    sharedSecret(b, { generation: 1, publicKey: publicKeyOf(a) }),
  ];
  const there = { sender: { workload: "a", generation: 1 }, receiver: { workload: "b", generation: 4 } };

  test("are the same at both ends, and others for the way back", () => {
    const [one, other] = secrets.map((secret) => pairKey(secret, there));
    expect(one).toEqual(other);
    const back = pairKey(secrets[0] as Uint8Array, { sender: there.receiver, receiver: there.sender });
    expect(back).not.toEqual(one);
  });

  test("survive being saved", () => {
    expect(publicKeyOf(parseOwnKey(1, formatOwnKey(a)))).toEqual(publicKeyOf(a));
  });

  test("can't be had from a public key that is none", () => {
    expect(() => sharedSecret(a, { generation: 1, publicKey: new Uint8Array(32) })).toThrow();
  });
});

describe("what an option says", () => {
  const { option } = EXAMPLE;

  test("is read from the option alone, and from a packet as tcpdump prints it", () => {
    const said = { number: 4711, senderPhase: 1, receiverPhase: 0, mac: "b29369f91805c332" };
    expect(describeOption(option)).toMatchObject({ ok: true, value: said });
    const tcp = `a35e153812345678000000009002faf000000000${option}`;
    const ip = `450000380001400040060000 0a000207 0a000304`;
    const packet = { kind: "syn", source: "10.0.2.7", destination: "10.0.3.4", destinationPort: 5432 };
    const dump = `0x0000:  ${ip} ${tcp}`;
    expect(describeOption(dump)).toMatchObject({ ok: true, value: { ...said, packet } });
  });

  test.each(["", "xyz", "fe", "00".repeat(16), `45${"00".repeat(60)}`])(
    "is refused in words for %j",
    (hex) => {
      expect(describeOption(hex).ok).toBe(false);
    },
  );
});

describe("a wrong proof", () => {
  const { key, packet, epoch, word } = EXAMPLE;
  const event = (bytes: Uint8Array, own: number): ProofEvent => ({
    type: "proof",
    fault: "mac",
    timeNs: 0n,
    tgid: 0,
    ...packet,
    word: new DataView(bytes.buffer).getUint32(4),
    mac: bytes.slice(8),
    epoch: own,
    isAnswer: false,
  });

  test.each([
    [3, "about 192 s ahead of"],
    [-3, "about 192 s behind"],
    [300, "about 19200 s ahead of"],
  ])("that is right %i epochs away is named by the clock", (apart, words) => {
    const { code, message } = nameFault(
      event(encodeOption(word, packet, epoch + apart, key), epoch),
      "b",
      () => key,
    );
    expect(code).toBe("proof-clock");
    expect(message).toContain(words);
  });

  test("that is right at no time is not called a matter of clocks", () => {
    const made = encodeOption(word, packet, epoch, key);
    made[15] = (made[15] ?? 0) ^ 1;
    expect(nameFault(event(made, epoch), "b", () => key).code).toBe("proof-mac");
    expect(nameFault(event(made, epoch), "b", () => null).code).toBe("proof-mac");
  });
});

describe("a ring of keys", () => {
  const PERIOD = 1000;

  test("makes a key each period, and signs with it half a period later", () => {
    let ring = newKeyRing(50_000);
    const first = ring.signing;
    ring = turnKeyRing(ring, 50_999, PERIOD);
    expect(ring.keys).toHaveLength(1);
    ring = turnKeyRing(ring, 51_000, PERIOD);
    expect([ring.keys.map((one) => one.generation), ring.signing]).toEqual([[first, first + 1], first]);
    ring = turnKeyRing(ring, 51_499, PERIOD);
    expect(ring.signing).toBe(first);
    ring = turnKeyRing(ring, 51_500, PERIOD);
    expect(ring.signing).toBe(first + 1);
    ring = turnKeyRing(ring, 52_000, PERIOD);
    expect(ring.keys.map((one) => one.generation)).toEqual([first + 1, first + 2]);
  });

  test.each([
    [true, "stripped", "stripped"],
    [true, null, undefined],
    [false, "expected", undefined],
  ] as const)("proves datagrams only where both ends want it: here %s, there %s", (datagrams, there, is) => {
    const changes = { addresses: true, ports: false };
    const peer = {
      workload: "b",
      addresses: [],
      keys: [],
      path: "expected",
      mutePorts: [],
      changes,
    } as const;
    const state = peerState("a", newKeyRing(0), { ...peer, datagramPath: there }, { datagrams });
    expect(state.datagramPath).toBe(is);
    expect(state.changes).toEqual(changes);
  });

  test("proves datagrams between what one host carries where that host wants it", () => {
    const self = {
      workload: "a",
      addresses: [],
      keys: [],
      path: "expected",
      mutePorts: [],
      datagramPath: null,
    } as const;
    const pathsOf = (datagrams: boolean) => {
      const { path, datagramPath } = peerState("a", newKeyRing(0), self, { datagrams });
      return [path, datagramPath];
    };
    expect([pathsOf(true), pathsOf(false)]).toEqual([
      ["local", "local"],
      ["local", undefined],
    ]);
  });

  test("is used no further, and no key of it replaced, until all peers have the newest", async () => {
    const stateDir = mkdtempSync(`${tmpdir()}/ringwall-keys-`);
    let nowMs = 50_000;
    const keys = await loadOwnKeys({
      stateDir,
      workload: "a",
      client: () => null,
      mutePorts: () => [],
      datagrams: false,
      nowMs: () => nowMs,
      periodMs: PERIOD,
    });
    const [first] = keys.ring().keys;
    const generation = first?.generation ?? 0;
    const state = () => [keys.ring().keys.map((one) => one.generation - generation), keys.ring().signing];
    nowMs += 10 * PERIOD;
    expect(await keys.turnIfDue(generation - 1)).toBe(false);
    expect(await keys.turnIfDue(generation)).toBe(true);
    expect(state()).toEqual([[0, 1], generation]);
    nowMs += 10 * PERIOD;
    expect(await keys.turnIfDue(generation)).toBe(false);
    expect(state()).toEqual([[0, 1], generation]);
    expect(await keys.turnIfDue(generation + 1)).toBe(true);
    expect(state()).toEqual([[1, 2], generation + 1]);
    rmSync(stateDir, { recursive: true });
  });

  test("keeps both ends' keys the same for every pair of generations in use", () => {
    const [a, b] = [0, 1].map((late) => turnKeyRing(newKeyRing(50_000 + late), 51_500, PERIOD));
    if (a === undefined || b === undefined) throw new Error("bug: two rings");
    const peerOf = (workload: string, ring: typeof a): ProofPeer => ({
      workload,
      addresses: [],
      keys: ring.keys.map((key) => ({ generation: key.generation, publicKey: publicKeyOf(key) })),
      path: "expected",
      mutePorts: [],
      datagramPath: null,
    });
    const here = peerState("a", a, peerOf("b", b));
    const there = peerState("b", b, peerOf("a", a));
    const phases = ((here.sign?.senderPhase ?? 9) << 1) | (here.sign?.receiverPhase ?? 9);
    expect(there.verify[phases]).toEqual(here.sign?.key);
    expect(there.verify.filter((key) => key !== null)).toHaveLength(4);
  });
});

describe("the option behind a datagram", () => {
  const { key, packet, epoch, word, surplus, data } = DATAGRAM_EXAMPLE;
  const encoded = (one = packet, udpBytes = 8 + data.length) =>
    encodeSurplus(word, one, epoch, key, udpBytes);

  test("is the documented example", () => {
    expect(Buffer.from(encoded()).toString("hex")).toBe(surplus);
  });

  test("is read back from its packet, and from its own bytes", () => {
    const hex = exampleDatagram().toString("hex");
    const said = { number: word.number, stamp: packet.sequence, question: 0, mac: surplus.slice(-16) };
    expect(describeOption(hex)).toMatchObject({ ok: true, value: { ...said, packet: { kind: "datagram" } } });
    expect(describeOption(surplus.slice(6))).toMatchObject({ ok: true, value: said });
  });

  test("has a checksum that makes up for its own length, behind any datagram", () => {
    for (const udpBytes of [8, 9, 1200, 1201]) {
      const bytes = Buffer.from(encoded(packet, udpBytes));
      let sum = bytes.length;
      for (let at = udpBytes % 2; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
      expect(sum).toBe(0xffff);
    }
  });

  test("differs for a question, its answer, and a SYN", () => {
    const kinds = ["datagram", "datagram-answer", "syn", "syn-ack"] as const;
    const macs = kinds.map((kind) => Buffer.from(encoded({ ...packet, kind })).toString("hex"));
    expect(new Set(macs).size).toBe(kinds.length);
  });

  test.each([
    ["too short", surplus.slice(6, -2)],
    ["of another experiment", surplus.slice(6).replace("5257", "5258")],
  ])("is not seen where it is %s", (_, hex) => {
    expect(decodeDatagramOption(Buffer.from(hex, "hex"))).toBeNull();
  });
});

test("the capture in the docs is the documented example's", () => {
  const inGit = readFileSync(new URL("../../../../docs/proof.pcap", import.meta.url));
  const how = "run `scripts/node packages/agent/tools/proof-capture.ts docs/proof.pcap` and commit";
  expect(exampleCapture().equals(inGit), how).toBe(true);
});
