import {
  type Bytes,
  CLOSE,
  COLON,
  COMMA,
  numberIn,
  OPEN,
  QUOTE,
  sameText,
  skipDigits,
  skipKey,
  skipSpace,
  skipValue,
} from "./bytes.ts";
import { skipTime } from "./skip-time.ts";
import type { Spans } from "./span-table.ts";

/**
 * A flow's line cut into what says which edge it is and what differs from record to record. Lines whose three parts
 * were all part of good records before are good records themselves: what was cut out has been checked here.
 */
export type FlowParts = {
  /** The ends without their ephemeral ports. */
  readonly src: Spans;
  readonly dst: Spans;
  /** All else but `count`, `until`, the bytes, and as much of `time` as verdicts don't depend on. */
  readonly rest: Spans;
  count: number;
  /** Offsets of the text of `time`, without its quotes. */
  timeFrom: number;
  timeTo: number;
};
/** How much of a record's time verdicts may depend on. */
export type TimeDetail = "none" | "day" | "minute";

const DETAIL_LENGTH = { none: 0, day: 10, minute: 16 } as const;
const PORT_LAST = 65_535;
const textOf = (text: string): Bytes => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
/** A bit for each key that is looked at, to notice one that stands there twice. */
const KEYS = [
  { text: textOf("src"), bit: 1, kind: "src" },
  { text: textOf("dst"), bit: 2, kind: "dst" },
  { text: textOf("time"), bit: 4, kind: "time" },
  { text: textOf("until"), bit: 8, kind: "until" },
  { text: textOf("count"), bit: 16, kind: "count" },
  { text: textOf("bytesIn"), bit: 32, kind: "number" },
  { text: textOf("bytesOut"), bit: 64, kind: "number" },
] as const;
type Key = (typeof KEYS)[number];
const REQUIRED = 1 | 2 | 4;
const BY_FIRST_BYTE: readonly (readonly Key[] | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const keys = KEYS.filter(({ text }) => text[0] === byte);
  return keys.length === 0 ? undefined : keys;
});
const PORT_KEY = textOf("port");
/** Each cut ends one span and begins another. */
const SPANS_MAX = 2 * (KEYS.length + 2);

/** The same parts each time: read them before the next line is scanned. */
export function createFlowScanner(detail: TimeDetail) {
  const newSpans = (): Spans => ({ offsets: new Int32Array(SPANS_MAX), count: 0 });
  const parts: FlowParts = {
    src: newSpans(),
    dst: newSpans(),
    rest: newSpans(),
    count: 1,
    timeFrom: 0,
    timeTo: 0,
  };
  /** Offset behind the key's value; what differs from record to record is cut out of `rest`. */
  const readValue = (key: Key, bytes: Bytes, from: number, end: number): number => {
    if (key.kind === "src" || key.kind === "dst") {
      const next = scanEnd(parts[key.kind], bytes, from, end);
      return cut(parts.rest, from, next);
    }
    if (key.kind === "time" || key.kind === "until") {
      const next = skipTime(bytes, from);
      const said = key.kind === "time" ? DETAIL_LENGTH[detail] : 0;
      if (key.kind === "time") [parts.timeFrom, parts.timeTo] = [from + 1, next - 1];
      return cut(parts.rest, from + 1 + said, next - 1) < 0 ? -1 : next;
    }
    const next = skipDigits(bytes, from);
    if (key.kind === "count") {
      parts.count = numberIn(bytes, from, next);
      if (parts.count === 0) return -1;
    }
    return cut(parts.rest, from, next);
  };
  /** Null for a line that is not plainly a flow: a parser has to say what it is. */
  return (bytes: Bytes, from: number, end: number): FlowParts | null => {
    const { rest } = parts;
    parts.count = 1;
    begin(rest, from);
    let seen = 0;
    let at = skipSpace(bytes, from);
    if (bytes[at] !== OPEN) return null;
    do {
      const key = skipSpace(bytes, at + 1);
      const value = valueAfter(bytes, key, end);
      if (value < 0) return null;
      const known = keyAt(bytes, key);
      if (known === undefined) at = skipValue(bytes, value, end);
      else if ((seen & known.bit) !== 0) return null;
      else {
        seen |= known.bit;
        at = readValue(known, bytes, value, end);
      }
      if (at < 0) return null;
      at = skipSpace(bytes, at);
    } while (bytes[at] === COMMA && at < end);
    finish(rest, at);
    if (at >= end || bytes[at] !== CLOSE || (seen & REQUIRED) !== REQUIRED) return null;
    return skipSpace(bytes, at + 1) >= end ? parts : null;
  };
}

/** An end's object, its port cut out. */
function scanEnd(spans: Spans, bytes: Bytes, from: number, end: number): number {
  begin(spans, from);
  if (bytes[from] !== OPEN) return -1;
  let at = from;
  let seen = false;
  do {
    const key = skipSpace(bytes, at + 1);
    const value = valueAfter(bytes, key, end);
    if (value < 0) return -1;
    const digits = isPort(bytes, key) ? skipDigits(bytes, value) : -1;
    if (digits < 0) at = skipValue(bytes, value, end);
    else {
      if (seen || numberIn(bytes, value, digits) > PORT_LAST) return -1;
      seen = true;
      at = cut(spans, value, digits);
    }
    if (at < 0) return -1;
    at = skipSpace(bytes, at);
  } while (bytes[at] === COMMA && at < end);
  finish(spans, at);
  return bytes[at] === CLOSE ? at + 1 : -1;
}

/** Where the value of the key that begins at `key` begins. */
function valueAfter(bytes: Bytes, key: number, end: number): number {
  if (bytes[key] !== QUOTE) return -1;
  const behind = skipKey(bytes, key, end);
  if (behind < 0) return -1;
  const colon = skipSpace(bytes, behind);
  return bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : -1;
}

function keyAt(bytes: Bytes, key: number): Key | undefined {
  const candidates = BY_FIRST_BYTE[bytes[key + 1] as number]; // a quote stands at `key`, so something follows
  if (candidates !== undefined) for (const one of candidates) if (isKey(bytes, key, one.text)) return one;
  return undefined;
}

function isPort(bytes: Bytes, key: number): boolean {
  return isKey(bytes, key, PORT_KEY);
}

/** @param key where the key's quote stands */
function isKey(bytes: Bytes, key: number, text: Bytes): boolean {
  const end = key + 1 + text.length;
  return bytes[end] === QUOTE && sameText(bytes, key + 1, end, text);
}

function begin(spans: Spans, from: number): void {
  spans.offsets[0] = from;
  spans.count = 1;
}

/** Leaves out `from` to `to`, and gives `to`; -1 where there is no `to`. */
function cut(spans: Spans, from: number, to: number): number {
  if (to < 0) return -1;
  spans.offsets[spans.count++] = from;
  spans.offsets[spans.count++] = to;
  return to;
}

function finish(spans: Spans, to: number): void {
  spans.offsets[spans.count++] = to;
}
