import type { ExecRecord, Flow, FlowEnd } from "@ringwall/model";
import type { LocatedEnd } from "../simulate/simulate.ts";
import type { Bytes } from "./bytes.ts";
import type { FlowParts } from "./scan-flow.ts";
import { createSpanTable, hashOf, type Spans, type SpanTable } from "./span-table.ts";

/** Reads what was not met before, out of `bytes` from `from` to `end`. */
export type Parsers = {
  /** A whole line; null where it is no record, which is then reported. */
  readonly line: (bytes: Bytes, from: number, end: number, line: number) => Flow | ExecRecord | null;
  /** One end of a flow, with or without its ephemeral port; null where it is none. */
  readonly end: (bytes: Bytes, from: number, end: number) => FlowEnd | null;
};
/** The parts of good records' lines, parsed once and numbered. */
export type KnownParts = {
  /** Writes the numbers of source, destination and rest; false where one of them is new. */
  readonly find: (bytes: Bytes, parts: FlowParts, numbers: Int32Array) => boolean;
  readonly fits: (parts: FlowParts) => boolean;
  /**
   * Parses what is new of a line: all of it, or only an end beside a known rest. Takes the numbers that were found (-1
   * for what was not) and completes them. False where it is no record.
   */
  readonly learn: (
    bytes: Bytes,
    from: number,
    end: number,
    line: number,
    parts: FlowParts,
    numbers: Int32Array,
  ) => boolean;
  /** The flow of three parts, the same object for each rest: its time and counts are those of some record. */
  readonly flowOf: (numbers: Int32Array) => Shape;
  readonly endOf: (number: number | undefined) => LocatedEnd;
  readonly clear: () => void;
};

/** A flow of which ends and time are put in anew for each judgement. */
type Shape = { -readonly [Key in keyof Flow]: Flow[Key] };
type Parts<T> = { readonly table: SpanTable; values: T[] };

/** @param entriesMax distinct ends, and distinct rests, that are remembered; a power of two */
export function createKnownParts(
  parse: Parsers,
  locate: (end: FlowEnd) => LocatedEnd,
  entriesMax: number,
  bytesMax: number,
): KnownParts {
  const ends: Parts<LocatedEnd> = { table: createSpanTable(entriesMax, bytesMax), values: [] };
  const shapes: Parts<Shape> = { table: createSpanTable(entriesMax, bytesMax), values: [] };
  const learn: KnownParts["learn"] = (bytes, from, end, line, parts, numbers) => {
    const [src = -1, dst = -1, rest = -1] = numbers;
    if (rest >= 0) {
      numbers[0] = src >= 0 ? src : learnEnd(bytes, parts.src);
      numbers[1] = numbers[0] < 0 || dst >= 0 ? dst : learnEnd(bytes, parts.dst);
      if (numbers[0] >= 0 && numbers[1] >= 0) return true;
    }
    const record = parse.line(bytes, from, end, line);
    if (record === null) return false;
    if ("exec" in record) throw new Error("bug: a record with two ends is no exec record");
    numbers[0] = remember(ends, bytes, parts.src, () => locate(withoutPort(record.src)));
    numbers[1] = remember(ends, bytes, parts.dst, () => locate(withoutPort(record.dst)));
    numbers[2] = remember(shapes, bytes, parts.rest, () => ({ ...record }));
    return true;
  };
  /** -1 where it is none. */
  const learnEnd = (bytes: Bytes, spans: Spans): number => {
    const last = spans.offsets[spans.count - 1] ?? 0;
    const read = parse.end(bytes, spans.offsets[0] ?? 0, last + 1);
    return read === null ? -1 : remember(ends, bytes, spans, () => locate(withoutPort(read)));
  };
  const endOf: KnownParts["endOf"] = (number) => {
    const end = ends.values[number ?? -1];
    if (end === undefined) throw new Error("bug: parts are known");
    return end;
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
      const shape = shapes.values[rest];
      if (shape === undefined) throw new Error("bug: parts are known");
      shape.src = endOf(src).end;
      shape.dst = endOf(dst).end;
      return shape;
    },
    endOf,
    clear: () => {
      for (const parts of [ends, shapes]) {
        parts.table.clear();
        parts.values = [];
      }
    },
  };
}

function remember<T>({ table, values }: Parts<T>, bytes: Bytes, spans: Spans, value: () => T): number {
  const hash = hashOf(bytes, spans);
  const found = table.find(bytes, spans, hash);
  if (found >= 0) return found;
  const number = table.add(bytes, spans, hash);
  values[number] = value();
  return number;
}

function withoutPort(end: FlowEnd): FlowEnd {
  if (end.port === undefined) return end;
  const { port: _port, ...rest } = end;
  return rest;
}
