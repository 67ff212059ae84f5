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
