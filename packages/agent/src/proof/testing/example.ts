/** The example of docs/proof.md, against which both implementations are tested. */
import type { ProvedPacket } from "../option.ts";

const mapped = (...bytes: readonly number[]) =>
  Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes]);

const packet: ProvedPacket = {
  source: mapped(10, 0, 2, 7),
  destination: mapped(10, 0, 3, 4),
  sourcePort: 41822,
  destinationPort: 5432,
  sequence: 0x12345678,
  acknowledgement: 0,
  kind: "syn",
};

export const EXAMPLE = {
  key: Uint8Array.from({ length: 16 }, (_, i) => i),
  packet,
  epoch: 28_000_003,
  word: { senderPhase: 1, receiverPhase: 0, number: 4711 },
  option: "fe105257b0001267b29369f91805c332",
} as const;

/** The same behind a datagram of 13 bytes with its header, so that there is a byte of padding. */
export const DATAGRAM_EXAMPLE = {
  ...EXAMPLE,
  packet: { ...packet, destinationPort: 9300, kind: "datagram" } as ProvedPacket,
  data: "hello",
  surplus: "007c0f7f185257b000126712345678000000005cb88eb500d49b0f",
} as const;
