/** The proof as a TCP option: docs/proof.md, "The option". Pure; the kernel's is bpf/proof.h. */
import { sipHash24 } from "./siphash.ts";

export const OPTION_KIND = 254;
export const OPTION_BYTES = 16;
export const EXPERIMENT_ID = 0x5257;
export const EPOCH_SECONDS = 64;
const MAC_BYTES = 8;

/** What the option says by itself. */
export type ProofWord = {
  /** Lowest bit of the generation of the sender's key. */
  readonly senderPhase: 0 | 1;
  /** Lowest bit of the generation of the receiver's key. */
  readonly receiverPhase: 0 | 1;
  /** The two lowest bits of the epoch. */
  readonly epochBits: number;
  /** 28 bits; 0: the software has no number yet. */
  readonly number: number;
};

export type ProofOption = ProofWord & { readonly mac: Uint8Array };

/** The packet that carries it, as its sender writes it. */
export type ProvedPacket = {
  /** 16 bytes, IPv4 mapped. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Of a datagram: its stamp. */
  readonly sequence: number;
  /** 0 in a SYN; of a datagram: the stamp that is answered, or 0. */
  readonly acknowledgement: number;
  readonly kind: keyof typeof KINDS;
};

const KINDS = { syn: 1, "syn-ack": 2, datagram: 3, "datagram-answer": 4 } as const;

/** The option for a packet, `epoch` in whole 64 seconds since 1970. */
export function encodeOption(
  word: Omit<ProofWord, "epochBits">,
  packet: ProvedPacket,
  epoch: number,
  key: Uint8Array,
): Uint8Array {
  const out = new Uint8Array(OPTION_BYTES);
  const view = new DataView(out.buffer);
  out.set([OPTION_KIND, OPTION_BYTES]);
  view.setUint16(2, EXPERIMENT_ID);
  view.setUint32(4, encodeWord({ ...word, epochBits: epoch & 3 }));
  out.set(macOf(view.getUint32(4), packet, epoch, key), OPTION_BYTES - MAC_BYTES);
  return out;
}

/** Null where these bytes are not one. */
export function decodeOption(bytes: Uint8Array): ProofOption | null {
  if (bytes.length !== OPTION_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (bytes[0] !== OPTION_KIND || bytes[1] !== OPTION_BYTES || view.getUint16(2) !== EXPERIMENT_ID)
    return null;
  return { ...decodeWord(view.getUint32(4)), mac: bytes.slice(OPTION_BYTES - MAC_BYTES) };
}

/** The option among the options of a TCP header; null without one, or where the options can't be read. */
export function findOption(options: Uint8Array): ProofOption | null {
  const last = decodeOption(options.subarray(Math.max(0, options.length - OPTION_BYTES)));
  if (last !== null) return last;
  for (let at = 0; at + OPTION_BYTES <= options.length; ) {
    const kind = options[at];
    if (kind === 0) return null;
    const length = kind === 1 ? 1 : (options[at + 1] ?? 0);
    if (kind !== 1 && length < 2) return null;
    const found = decodeOption(options.subarray(at, at + OPTION_BYTES));
    if (found !== null) return found;
    at += length;
  }
  return null;
}

/** The epoch that a receiver takes the two bits for: its own, the former or the next; null for the fourth. */
export function epochOf(bits: number, own: number): number | null {
  const epoch = own - 1 + ((bits - (own - 1)) & 3);
  return epoch <= own + 1 ? epoch : null;
}

/** @param word the 32 bits as in the option */
export function macOf(word: number, packet: ProvedPacket, epoch: number, key: Uint8Array): Uint8Array {
  const message = new Uint8Array(56);
  const view = new DataView(message.buffer);
  message.set(packet.source, 0);
  message.set(packet.destination, 16);
  view.setUint16(32, packet.sourcePort);
  view.setUint16(34, packet.destinationPort);
  view.setUint32(36, packet.sequence);
  view.setUint32(40, word);
  view.setUint32(44, epoch);
  view.setUint32(48, packet.acknowledgement);
  view.setUint32(52, KINDS[packet.kind]);
  return sipHash24(key, message);
}

export function encodeWord({ senderPhase, receiverPhase, epochBits, number }: ProofWord): number {
  return ((senderPhase << 31) | (receiverPhase << 30) | (epochBits << 28) | number) >>> 0;
}

export function decodeWord(word: number): ProofWord {
  return {
    senderPhase: word >>> 31 ? 1 : 0,
    receiverPhase: (word >>> 30) & 1 ? 1 : 0,
    epochBits: (word >>> 28) & 3,
    number: word & 0x0fff_ffff,
  };
}
