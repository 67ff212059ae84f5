import type { Bytes } from "./bytes.ts";

/** Parts of a text, as pairs of offsets: from, to, from, to, … */
export type Spans = { readonly offsets: Int32Array; count: number };

/** Byte strings, each kept once and numbered as first met, until it is cleared. Takes the concatenation of spans. */
export type SpanTable = {
  /** -1 where it is not there. `hash` is `hashOf`'s. */
  readonly find: (bytes: Bytes, spans: Spans, hash: number) => number;
  /** Of what is not there yet; the caller has asked whether it fits. */
  readonly add: (bytes: Bytes, spans: Spans, hash: number) => number;
  readonly fits: (...more: readonly Spans[]) => boolean;
  readonly clear: () => void;
};

/** @param entriesMax a power of two */
export function createSpanTable(entriesMax: number, bytesMax: number): SpanTable {
  const mask = entriesMax * 2 - 1;
  /** Entry + 1 by hash, linear probing; at most half of the slots are taken. */
  const slots = new Int32Array(entriesMax * 2);
  const hashes = new Int32Array(entriesMax);
  const ends = new Int32Array(entriesMax + 1);
  let kept = new Uint8Array(Math.min(bytesMax, 65_536));
  let size = 0;

  const isSame = (entry: number, bytes: Bytes, spans: Spans): boolean => {
    let at = ends[entry] as number; // entry < size
    const end = ends[entry + 1] as number;
    for (let i = 0; i < spans.count; i += 2) {
      const to = spans.offsets[i + 1] as number; // offsets come in twos
      for (let from = spans.offsets[i] as number; from < to; from++, at++)
        if (kept[at] !== bytes[from] || at >= end) return false;
    }
    return at === end;
  };
  return {
    find: (bytes, spans, hash) => {
      for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
        const entry = (slots[slot] as number) - 1; // the mask keeps it in bounds
        if (hashes[entry] === hash && isSame(entry, bytes, spans)) return entry;
      }
      return -1;
    },
    fits: (...more) => {
      const bytes = more.reduce((sum, spans) => sum + lengthOf(spans), ends[size] as number);
      return size + more.length <= entriesMax && bytes <= bytesMax;
    },
    add: (bytes, spans, hash) => {
      let at = ends[size] as number;
      const needed = at + lengthOf(spans);
      if (needed > kept.length) {
        const more = new Uint8Array(Math.min(bytesMax, Math.max(needed, kept.length * 2)));
        more.set(kept);
        kept = more;
      }
      for (let i = 0; i < spans.count; i += 2) {
        const part = bytes.subarray(spans.offsets[i], spans.offsets[i + 1]);
        kept.set(part, at);
        at += part.length;
      }
      let slot = hash & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = size + 1;
      hashes[size] = hash;
      ends[size + 1] = at;
      return size++;
    },
    clear: () => {
      slots.fill(0);
      size = 0;
    },
  };
}

/** Four bytes at a time, mixed at the end (MurmurHash3's finaliser). Equal texts cut at other places hash otherwise. */
export function hashOf(bytes: Bytes, spans: Spans): number {
  let hash = 0;
  for (let i = 0; i < spans.count; i += 2) {
    let at = spans.offsets[i] as number; // offsets come in twos
    const to = spans.offsets[i + 1] as number;
    for (; at + 4 <= to; at += 4) {
      const word =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (; at < to; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x9e3779b1);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function lengthOf(spans: Spans): number {
  let length = 0;
  for (let i = 0; i < spans.count; i += 2)
    length += (spans.offsets[i + 1] as number) - (spans.offsets[i] as number); // offsets come in twos
  return length;
}
