import type { ExecRecord, Flow, FlowEnd } from "@ringwall/model";
import { createRows } from "../compile/rows.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { networkRules } from "../policy-set/rules.ts";
import type { Player } from "../simulate/simulate.ts";
import type { JudgedEdge } from "../simulate/tally.ts";
import type { Bytes } from "./bytes.ts";
import { createFlowScanner, type FlowParts, type TimeDetail } from "./scan-flow.ts";
import { createSpanTable, hashOf, type Spans, type SpanTable } from "./span-table.ts";

/** Reads what was not met before, out of `bytes` from `from` to `end`. */
export type Parsers = {
  /** A whole line; null where it is no record, which is then reported. */
  readonly line: (bytes: Bytes, from: number, end: number, line: number) => Flow | ExecRecord | null;
  /** One end of a flow; null where it is none. */
  readonly end: (bytes: Bytes, from: number, end: number) => FlowEnd | null;
};
export type LinePlayer = {
  /** Plays the line (counted from 1) that is `bytes` from `from` to `end`, without its newline. */
  readonly add: (bytes: Bytes, from: number, end: number, line: number) => void;
  /** Counts what is still kept back; to be called before the simulation's result is taken. */
  readonly finish: () => void;
};

/** What is remembered at a time: parts of lines (a power of two), their bytes, and edges. Beyond that all is counted and forgotten. */
export type LineLimits = { readonly parts: number; readonly bytes: number; readonly edges: number };
const LIMITS: LineLimits = { parts: 131_072, bytes: 32 * 1024 * 1024, edges: 131_072 };
const MARKS = 2 ** 18;
/** The mark's highest 18 bits say where it is kept. */
const MARK_SHIFT = 14;

/** A flow of which ends and time are put in anew for each judgement. */
type Shape = { -readonly [Key in keyof Flow]: Flow[Key] };
/** Edges by the numbers of their source, destination and rest, with what was seen of them and not counted yet. */
type Memory = {
  readonly rows: ReturnType<typeof createRows>;
  readonly edges: (JudgedEdge | null)[];
  readonly records: number[];
  readonly connections: number[];
  /** Marks of edges that were met once: most never come again, and are not worth remembering. */
  readonly met: Int32Array;
};
type Parts<T> = { readonly table: SpanTable; values: T[] };

/**
 * Plays flows from the bytes of their lines. The records of one edge are alike but for times and counts, so a line is
 * cut into its ends and the rest, each of which is parsed, checked and judged once.
 */
export function createLinePlayer(
  play: Player,
  sets: readonly PolicySet[],
  parse: Parsers,
  limits = LIMITS,
): LinePlayer {
  const detail = timeDetailOf(sets);
  const scan = createFlowScanner(detail);
  const ends: Parts<FlowEnd> = { table: createSpanTable(limits.parts, limits.bytes), values: [] };
  const shapes: Parts<Shape> = { table: createSpanTable(limits.parts, limits.bytes), values: [] };
  let memory = newMemory();

  const finish = (): void => {
    memory.edges.forEach((edge, i) => {
      const records = memory.records[i] ?? 0;
      if (edge !== null && records > 0) play.count(edge, records, memory.connections[i] ?? 0);
    });
    memory = newMemory();
  };
  const forget = (): void => {
    finish();
    for (const parts of [ends, shapes]) {
      parts.table.clear();
      parts.values = [];
    }
  };
  /** Parses what is new of a line: all of it, or only an end beside a known rest. */
  const learn = (bytes: Bytes, from: number, end: number, line: number, parts: FlowParts): boolean => {
    if (!ends.table.fits(parts.src, parts.dst) || !shapes.table.fits(parts.rest)) forget();
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
  const judge = (bytes: Bytes, line: number, parts: FlowParts, [src = 0, dst = 0, rest = 0]: Int32Array) => {
    const [from, to, shape] = [ends.values[src], ends.values[dst], shapes.values[rest]];
    if (from === undefined || to === undefined || shape === undefined)
      throw new Error("bug: parts are known");
    shape.src = from;
    shape.dst = to;
    // ASCII. Where verdicts don't depend on it, any record's time will do.
    if (detail !== "none") shape.time = String.fromCharCode(...bytes.subarray(parts.timeFrom, parts.timeTo));
    return play.judge(shape, line);
  };
  const find = (bytes: Bytes, parts: FlowParts): boolean => {
    const { scratch } = memory.rows;
    scratch[0] = ends.table.find(bytes, parts.src, hashOf(bytes, parts.src));
    scratch[1] = ends.table.find(bytes, parts.dst, hashOf(bytes, parts.dst));
    scratch[2] = shapes.table.find(bytes, parts.rest, hashOf(bytes, parts.rest));
    return scratch[0] >= 0 && scratch[1] >= 0 && scratch[2] >= 0;
  };
  return {
    finish,
    add: (bytes, from, end, line) => {
      const parts = scan(bytes, from, end);
      if (parts === null) {
        const record = parse.line(bytes, from, end, line);
        if (record !== null) play.add(record, line);
        return;
      }
      if (memory.edges.length >= limits.edges) forget();
      if (!find(bytes, parts)) {
        if (!learn(bytes, from, end, line, parts)) return;
        if (!find(bytes, parts)) throw new Error("bug: what was learnt is known");
      }
      const { rows, edges, records, connections } = memory;
      if (isFirstSight(memory, rows.scratch)) {
        const edge = judge(bytes, line, parts, rows.scratch);
        if (edge !== null) play.count(edge, 1, parts.count);
        return;
      }
      const at = rows.intern();
      const known = edges[at];
      // What can't be judged is said for each record.
      if (known === undefined || known === null) {
        edges[at] = judge(bytes, line, parts, rows.scratch);
        if (known === undefined) [records[at], connections[at]] = [0, 0];
        if (edges[at] === null) return;
      }
      records[at] = (records[at] ?? 0) + 1;
      connections[at] = (connections[at] ?? 0) + parts.count;
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

/** Two edges of one mark cost a look more, nothing else. */
function isFirstSight({ met }: Memory, [src = 0, dst = 0, rest = 0]: Int32Array): boolean {
  const mark = Math.imul(Math.imul(Math.imul(src + 1, 0x9e3779b1) ^ dst, 0x85ebca6b) ^ rest, 0xc2b2ae35) | 1;
  const at = mark >>> MARK_SHIFT;
  if (met[at] === mark) return false;
  met[at] = mark;
  return true;
}

function newMemory(): Memory {
  return { rows: createRows(3), edges: [], records: [], connections: [], met: new Int32Array(MARKS) };
}

/** As much of a record's time as any rule asks: expiries are days of UTC, windows are minutes of some zone. */
function timeDetailOf(sets: readonly PolicySet[]): TimeDetail {
  const rules = sets.flatMap(networkRules);
  if (rules.some((rule) => rule.when !== undefined)) return "minute";
  return rules.some((rule) => rule.expires !== undefined) ? "day" : "none";
}
