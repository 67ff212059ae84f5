/** The proof behind a datagram: docs/proof.md, "Datagrams". Pure; the kernel's is bpf/datagram_proof.h. */
import { decodeWord, EXPERIMENT_ID, encodeWord, macOf, type ProofWord, type ProvedPacket } from "./option.ts";

export const DATAGRAM_OPTION_KIND = 127;
export const DATAGRAM_OPTION_BYTES = 24;
const CHECKSUM_BYTES = 2;
const MAC_BYTES = 8;

export type DatagramOption = ProofWord & {
  /** When it was made: steps of 16 ns since the epoch's begin. */
  readonly stamp: number;
  /** The stamp that is answered; 0: this opens the flow. */
  readonly question: number;
  readonly mac: Uint8Array;
};

/** The surplus area behind a datagram of so many bytes, with its checksum (RFC 9868). */
export function encodeSurplus(
  word: Omit<ProofWord, "epochBits">,
  packet: ProvedPacket,
  epoch: number,
  key: Uint8Array,
  udpBytes: number,
): Uint8Array {
  const pad = udpBytes % 2;
  const out = new Uint8Array(pad + CHECKSUM_BYTES + DATAGRAM_OPTION_BYTES);
  const view = new DataView(out.buffer, pad);
  view.setUint8(2, DATAGRAM_OPTION_KIND);
  view.setUint8(3, DATAGRAM_OPTION_BYTES);
  view.setUint16(4, EXPERIMENT_ID);
  view.setUint32(6, encodeWord({ ...word, epochBits: epoch & 3 }));
  view.setUint32(10, packet.sequence);
  view.setUint32(14, packet.acknowledgement);
  out.set(macOf(view.getUint32(6), packet, epoch, key), out.length - MAC_BYTES);
  let sum = out.length;
  for (let at = 0; at < view.byteLength; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  view.setUint16(0, ~sum & 0xffff);
  return out;
}

/** The option by itself, without what lies before it in the surplus area; null where these bytes are none. */
export function decodeDatagramOption(bytes: Uint8Array): DatagramOption | null {
  if (bytes.length < DATAGRAM_OPTION_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (
    bytes[0] !== DATAGRAM_OPTION_KIND ||
    bytes[1] !== DATAGRAM_OPTION_BYTES ||
    view.getUint16(2) !== EXPERIMENT_ID
  )
    return null;
  return {
    ...decodeWord(view.getUint32(4)),
    stamp: view.getUint32(8),
    question: view.getUint32(12),
    mac: bytes.slice(DATAGRAM_OPTION_BYTES - MAC_BYTES, DATAGRAM_OPTION_BYTES),
  };
}

/** The option in the surplus area of an IP packet with UDP at `udpAt`; null without one. */
export function findDatagramOption(packet: Uint8Array, udpAt: number): DatagramOption | null {
  const udpBytes = ((packet[udpAt + 4] ?? 0) << 8) | (packet[udpAt + 5] ?? 0);
  return decodeDatagramOption(packet.subarray(udpAt + udpBytes + (udpBytes % 2) + CHECKSUM_BYTES));
}
