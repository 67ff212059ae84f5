import { createRows } from "../compile/rows.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { networkRules } from "../policy-set/rules.ts";
import type { Player } from "../simulate/simulate.ts";
import type { JudgedEdge } from "../simulate/tally.ts";
import type { Bytes } from "./bytes.ts";
import { createKnownParts, type Parsers } from "./known-parts.ts";
import { createFlowScanner, type FlowParts, type TimeDetail } from "./scan-flow.ts";

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

/** Edges by the numbers of their source, destination and rest, with what was seen of them and not counted yet. */
type Memory = {
  readonly rows: ReturnType<typeof createRows>;
  readonly edges: (JudgedEdge | null)[];
  readonly records: number[];
  readonly connections: number[];
  /** Marks of edges that were met once: most never come again, and are not worth remembering. */
  readonly met: Int32Array;
};

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
  const known = createKnownParts(parse, play.locate, limits.parts, limits.bytes);
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
    known.clear();
  };
  const judge = (bytes: Bytes, line: number, parts: FlowParts, numbers: Int32Array) => {
    const flow = known.flowOf(numbers);
    // ASCII. Where verdicts don't depend on it, any record's time will do.
    if (detail !== "none") flow.time = String.fromCharCode(...bytes.subarray(parts.timeFrom, parts.timeTo));
    return play.judge(flow, line, known.endOf(numbers[0]), known.endOf(numbers[1]));
  };
  /** Whether the parts of the line are known now, their numbers in the rows' scratch. */
  const know = (bytes: Bytes, from: number, end: number, line: number, parts: FlowParts): boolean => {
    if (memory.edges.length >= limits.edges) forget();
    if (known.find(bytes, parts, memory.rows.scratch)) return true;
    if (!known.fits(parts)) {
      forget();
      memory.rows.scratch.fill(-1);
    }
    return known.learn(bytes, from, end, line, parts, memory.rows.scratch);
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
      if (!know(bytes, from, end, line, parts)) return;
      const { rows, edges, records, connections } = memory;
      if (isFirstSight(memory, rows.scratch)) {
        const edge = judge(bytes, line, parts, rows.scratch);
        if (edge !== null) play.count(edge, 1, parts.count);
        return;
      }
      const at = rows.intern();
      const edge = edges[at];
      // What can't be judged is said for each record.
      if (edge === undefined || edge === null) {
        edges[at] = judge(bytes, line, parts, rows.scratch);
        if (edge === undefined) [records[at], connections[at]] = [0, 0];
        if (edges[at] === null) return;
      }
      records[at] = (records[at] ?? 0) + 1;
      connections[at] = (connections[at] ?? 0) + parts.count;
    },
  };
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
