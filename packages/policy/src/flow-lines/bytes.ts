/** Bytes of JSON text. Functions take an offset and give the offset behind what they read, or -1 where it is not there. */
export type Bytes = Uint8Array;

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN = 0x7b;
export const CLOSE = 0x7d;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const ZERO = 0x30;
/** Fifteen digits are exact in a double. */
const DIGITS_MAX = 15;

export function skipSpace(bytes: Bytes, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte === 32 || byte === 9 || byte === 13 || byte === 10; ) byte = bytes[++at];
  return at;
}

/** Behind the closing quote of the key that begins at `from`; -1 for a key with escapes too: it may spell any other. */
export function skipKey(bytes: Bytes, from: number, end: number): number {
  for (let at = from + 1; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) return -1;
  }
  return -1;
}

/** Behind a value of any form. Whether it is JSON in all details is for a parser to say. */
export function skipValue(bytes: Bytes, from: number, end: number): number {
  const first = bytes[from];
  if (first === QUOTE) return skipText(bytes, from, end);
  if (first === OPEN || first === OPEN_LIST) return skipNested(bytes, from, end);
  let at = from;
  while (at < end && !endsScalar(bytes[at] as number)) at++; // at < end
  return at === from ? -1 : at;
}

function skipText(bytes: Bytes, from: number, end: number): number {
  for (let at = from + 1; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}

function skipNested(bytes: Bytes, from: number, end: number): number {
  let depth = 0;
  for (let at = from; at >= 0 && at < end; ) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = skipText(bytes, at, end);
      continue;
    }
    if (byte === OPEN || byte === OPEN_LIST) depth++;
    else if ((byte === CLOSE || byte === CLOSE_LIST) && --depth === 0) return at + 1;
    at++;
  }
  return -1;
}

function endsScalar(byte: number): boolean {
  return byte === COMMA || byte === CLOSE || byte === CLOSE_LIST || byte <= 32;
}

/** Behind the digits of a whole number without leading zeros, such as JSON has them; other spellings are not read here. */
export function skipDigits(bytes: Bytes, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at++;
  const length = at - from;
  if (length === 0 || length > DIGITS_MAX || (length > 1 && bytes[from] === ZERO)) return -1;
  return at;
}

export function numberIn(bytes: Bytes, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 10 + (bytes[at] as number) - ZERO; // callers skipped digits
  return value;
}

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= ZERO + 9;
}

export function sameText(bytes: Bytes, from: number, to: number, text: Bytes): boolean {
  if (to - from !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text[i]) return false;
  return true;
}
