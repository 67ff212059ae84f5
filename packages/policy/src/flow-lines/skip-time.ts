import { type Bytes, isDigit, numberIn, QUOTE } from "./bytes.ts";

const DAYS_IN_MONTH = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const [DASH, LETTER_T, DOT, LETTER_Z] = [0x2d, 0x54, 0x2e, 0x5a];
const TWO_DOTS = 0x3a;
/** `2026-11-20T10:00:00` */
const SECONDS_END = 19;

/**
 * Behind the closing quote of `"2026-11-20T10:00:00Z"`, fractions of seconds allowed; -1 for all that is written
 * otherwise, the 29th of February included: it may still be a time.
 */
export function skipTime(bytes: Bytes, from: number): number {
  if (bytes[from] !== QUOTE) return -1;
  const at = from + 1;
  if (!isDate(bytes, at) || !isClock(bytes, at + 11)) return -1;
  let next = at + SECONDS_END;
  if (bytes[next] === DOT) {
    const digits = ++next;
    while (isDigit(bytes[next])) next++;
    if (next === digits) return -1;
  }
  return bytes[next] === LETTER_Z && bytes[next + 1] === QUOTE ? next + 2 : -1;
}

function isDate(bytes: Bytes, at: number): boolean {
  for (const place of [0, 1, 2, 3, 5, 6, 8, 9]) if (!isDigit(bytes[at + place])) return false;
  if (bytes[at + 4] !== DASH || bytes[at + 7] !== DASH || bytes[at + 10] !== LETTER_T) return false;
  const day = numberIn(bytes, at + 8, at + 10);
  return day >= 1 && day <= (DAYS_IN_MONTH[numberIn(bytes, at + 5, at + 7)] ?? 0);
}

function isClock(bytes: Bytes, at: number): boolean {
  for (const place of [0, 1, 3, 4, 6, 7]) if (!isDigit(bytes[at + place])) return false;
  if (bytes[at + 2] !== TWO_DOTS || bytes[at + 5] !== TWO_DOTS) return false;
  return (
    numberIn(bytes, at, at + 2) < 24 &&
    numberIn(bytes, at + 3, at + 5) < 60 &&
    numberIn(bytes, at + 6, at + 8) < 60
  );
}
