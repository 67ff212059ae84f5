import type { Flow } from "@ringwall/model";

/** Records remembered to recognise one that was uploaded twice; beyond it a repetition only counts twice. */
const REMEMBERED_MAX = 2_000_000;

/** Tells whether the same record was there before: same edge, times, client port, state and counts. */
export function repetitionFilter(): (flow: Flow, key: string) => boolean {
  const seen = new Set<number>();
  return ({ time, until, count, state, reporter, src, bytesIn, bytesOut }, key) => {
    const digest = hash(
      `${key}|${time}|${until}|${count}|${state}|${reporter}|${src.port}|${bytesIn}|${bytesOut}`,
    );
    if (seen.has(digest)) return true;
    if (seen.size < REMEMBERED_MAX) seen.add(digest);
    return false;
  };
}

/** 53 bits of two FNV-1a hashes. */
function hash(text: string): number {
  let a = 0x811c9dc5;
  let b = 0xc9dc5118;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ (code + i), 0x01000193);
  }
  return (a >>> 0) * 0x200000 + ((b >>> 0) & 0x1fffff);
}
