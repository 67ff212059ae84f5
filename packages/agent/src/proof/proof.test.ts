import { describe, expect, test } from "vitest";
import { createOwnKey, formatOwnKey, pairKey, parseOwnKey, publicKeyOf, sharedSecret } from "./keys.ts";
import { decodeOption, encodeOption, epochOf, findOption, type ProvedPacket } from "./option.ts";
import { sipHash24 } from "./siphash.ts";
import { EXAMPLE } from "./testing/example.ts";

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
