import type { ExecRecord, Flow, FlowEnd } from "@ringwall/model";
import type { Bytes } from "./bytes.ts";
import type { FlowParts } from "./scan-flow.ts";
import { createSpanTable, hashOf, type Spans, type SpanTable } from "./span-table.ts";

/** Reads what was not met before, out of `bytes` from `from` to `end`. */
export type Parsers = {
  /** A whole line; null where it is no record, which is then reported. */
  readonly line: (bytes: Bytes, from: number, end: number, line: number) => Flow | ExecRecord | null;
  /** One end of a flow; null where it is none. */
  readonly end: (bytes: Bytes, from: number, end: number) => FlowEnd | null;
};
/** The parts of good records' lines, parsed once and numbered. */
export type KnownParts = {
  /** Writes the numbers of source, destination and rest; false where one of them is new. */
  readonly find: (bytes: Bytes, parts: FlowParts, numbers: Int32Array) => boolean;
  readonly fits: (parts: FlowParts) => boolean;
  /** Parses what is new of a line: all of it, or only an end beside a known rest. False where it is no record. */
  readonly learn: (bytes: Bytes, from: number, end: number, line: number, parts: FlowParts) => boolean;
  /** The flow of three parts, the same object for each rest: its time and counts are those of some record. */
  readonly flowOf: (numbers: Int32Array) => Shape;
  readonly clear: () => void;
};

/** A flow of which ends and time are put in anew for each judgement. */
type Shape = { -readonly [Key in keyof Flow]: Flow[Key] };
type Parts<T> = { readonly table: SpanTable; values: T[] };

/** @param entriesMax distinct ends, and distinct rests, that are remembered; a power of two */
export function createKnownParts(parse: Parsers, entriesMax: number, bytesMax: number): KnownParts {
  const ends: Parts<FlowEnd> = { table: createSpanTable(entriesMax, bytesMax), values: [] };
  const shapes: Parts<Shape> = { table: createSpanTable(entriesMax, bytesMax), values: [] };
  const learn: KnownParts["learn"] = (bytes, from, end, line, parts) => {
    if (isKnown(shapes, bytes, parts.rest))
      if (learnEnd(bytes, parts.src) && learnEnd(bytes, parts.dst)) return true;
    const record = parse.line(bytes, from, end, line);
    if (record === null) return false;
    if ("exec" in record) throw new Error("bug: a record with two ends is no exec record");
    remember(ends, bytes, parts.src, withoutPort(record.src));
    remember(ends, bytes, parts.dst, withoutPort(record.dst));
    remember(shapes, bytes, parts.rest, { ...record });
    return true;
  };
  const learnEnd = (bytes: Bytes, spans: Spans): boolean => {
    if (isKnown(ends, bytes, spans)) return true;
    const last = spans.offsets[spans.count - 1] ?? 0;
    const read = parse.end(bytes, spans.offsets[0] ?? 0, last + 1);
    if (read !== null) remember(ends, bytes, spans, withoutPort(read));
    return read !== null;
  };
  return {
    learn,
    find: (bytes, parts, numbers) => {
      numbers[0] = ends.table.find(bytes, parts.src, hashOf(bytes, parts.src));
      numbers[1] = ends.table.find(bytes, parts.dst, hashOf(bytes, parts.dst));
      numbers[2] = shapes.table.find(bytes, parts.rest, hashOf(bytes, parts.rest));
      return numbers[0] >= 0 && numbers[1] >= 0 && numbers[2] >= 0;
    },
    fits: (parts) => ends.table.fits(parts.src, parts.dst) && shapes.table.fits(parts.rest),
    flowOf: ([src = 0, dst = 0, rest = 0]) => {
      const [from, to, shape] = [ends.values[src], ends.values[dst], shapes.values[rest]];
      if (from === undefined || to === undefined || shape === undefined)
        throw new Error("bug: parts are known");
      shape.src = from;
      shape.dst = to;
      return shape;
    },
    clear: () => {
      for (const parts of [ends, shapes]) {
        parts.table.clear();
        parts.values = [];
      }
    },
  };
}

function isKnown({ table }: Parts<unknown>, bytes: Bytes, spans: Spans): boolean {
  return table.find(bytes, spans, hashOf(bytes, spans)) >= 0;
}

function remember<T>({ table, values }: Parts<T>, bytes: Bytes, spans: Spans, value: T): void {
  const hash = hashOf(bytes, spans);
  if (table.find(bytes, spans, hash) < 0) values[table.add(bytes, spans, hash)] = value;
}

function withoutPort({ port: _port, ...end }: FlowEnd): FlowEnd {
  return end;
}
