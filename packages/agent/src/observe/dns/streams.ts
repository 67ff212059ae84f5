/** DNS over TCP (RFC 7766): messages with their length before them, put together from pieces. */

/** Streams at a time; the oldest goes first. */
export const STREAMS_MAX = 256;
/** Bytes of a stream that wait for what lies before or after them. */
export const STREAM_BYTES_MAX = 65_537;
const LENGTH_BYTES = 2;

/** A piece of a stream: `key` names socket and direction, `sequence` is TCP's number of its first byte. */
export type Piece = { readonly key: string; readonly sequence: number; readonly bytes: Uint8Array };
type Stream = { next: number; waiting: Uint8Array };

/**
 * Takes pieces and gives whole messages. Pieces come in order but for losses and repetitions: one that begins behind a
 * gap starts the stream anew there, so that a lost piece costs the messages in it and no more.
 */
export function createStreams(): (piece: Piece) => readonly Uint8Array[] {
  const streams = new Map<string, Stream>();
  return ({ key, sequence, bytes }) => {
    const before = streams.get(key);
    const ahead = before === undefined ? 0 : (sequence - before.next) | 0;
    // Seen already, all of it or its beginning.
    const fresh = ahead < 0 ? bytes.subarray(Math.min(-ahead, bytes.length)) : bytes;
    if (before !== undefined && fresh.length === 0) return [];
    const waiting = before === undefined || ahead > 0 ? fresh : concat(before.waiting, fresh);
    const { messages, rest } = split(waiting);
    streams.delete(key);
    if (rest.length <= STREAM_BYTES_MAX)
      streams.set(key, { next: (sequence + bytes.length) | 0, waiting: rest.slice() });
    const oldest = streams.keys().next().value;
    if (streams.size > STREAMS_MAX && oldest !== undefined) streams.delete(oldest);
    return messages;
  };
}

function split(bytes: Uint8Array): { readonly messages: readonly Uint8Array[]; readonly rest: Uint8Array } {
  const messages: Uint8Array[] = [];
  let at = 0;
  while (at + LENGTH_BYTES <= bytes.length) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    if (at + LENGTH_BYTES + length > bytes.length) break;
    messages.push(bytes.slice(at + LENGTH_BYTES, at + LENGTH_BYTES + length));
    at += LENGTH_BYTES + length;
  }
  return { messages, rest: bytes.subarray(at) };
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
