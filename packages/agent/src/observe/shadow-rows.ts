import { create } from "@bufbuild/protobuf";
import type { ProcessIdentity } from "@ringwall/model";
import {
  Direction,
  ProcessSchema,
  SHADOW_ROWS_MAX,
  type ShadowReport,
  ShadowReportSchema,
  Verdict,
} from "@ringwall/protocol/agent";
import type { ShadowDifference } from "../kernel/contract.ts";
import type { Direction as KernelDirection, Verdict as KernelVerdict } from "../kernel/generated/layout.ts";
import { toProcess } from "./process-message.ts";

/** What the live policy and the draft made of the same attempts, with everything by name. */
export type ShadowRow = {
  /** Null: not known in time. */
  readonly process: ProcessIdentity | null;
  /** The peer's 16 bytes in hexadecimal. */
  readonly address: string;
  readonly port: number;
  readonly proto: number;
  readonly direction: KernelDirection;
  readonly live: Verdict;
  readonly draft: Verdict;
  /** Empty: the default. */
  readonly liveRule: string;
  readonly draftRule: string;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
};

/** What turns the kernel's numbers into names. */
export type ShadowNames = {
  readonly processIdentity: (id: number) => ProcessIdentity | undefined;
  readonly liveRule: (id: number) => string;
  readonly draftRule: (id: number) => string;
  /** Wall clock minus boot clock, nanoseconds. */
  readonly wallOffsetNs: bigint;
};

/** Differences by name. That one of two records what the other alerts about is none. */
export function nameDifferences(
  differences: readonly ShadowDifference[],
  names: ShadowNames,
): readonly ShadowRow[] {
  const milliseconds = (ns: bigint) => Number((ns + names.wallOffsetNs) / 1_000_000n);
  return differences
    .map((one) => ({
      process: one.identity === 0 ? null : (names.processIdentity(one.identity) ?? null),
      address: Buffer.from(one.address).toString("hex"),
      port: one.port,
      proto: one.proto,
      direction: one.direction,
      live: VERDICTS[one.liveVerdict],
      draft: VERDICTS[one.draftVerdict],
      liveRule: one.liveRule === 0 ? "" : names.liveRule(one.liveRule),
      draftRule: one.draftRule === 0 ? "" : names.draftRule(one.draftRule),
      count: Number(one.count),
      firstMs: milliseconds(one.firstNs),
      lastMs: milliseconds(one.lastNs),
    }))
    .filter(({ live, draft }) => live !== draft);
}

/** Rows of two readings, those of one edge and the same verdicts added up; the order is that of first appearance. */
export function mergeRows(first: readonly ShadowRow[], second: readonly ShadowRow[]): readonly ShadowRow[] {
  const merged = new Map<string, ShadowRow>();
  for (const row of [...first, ...second]) {
    const { count, firstMs, lastMs, ...edge } = row;
    const key = JSON.stringify(edge);
    const before = merged.get(key);
    if (before === undefined) merged.set(key, row);
    else
      merged.set(key, {
        ...row,
        count: before.count + count,
        firstMs: Math.min(before.firstMs, firstMs),
        lastMs: Math.max(before.lastMs, lastMs),
      });
  }
  return [...merged.values()];
}

/** As many rows as a report holds, and what the others counted. */
export function firstRows(rows: readonly ShadowRow[]) {
  const rest = rows.slice(SHADOW_ROWS_MAX).reduce((sum, row) => sum + row.count, 0);
  return { kept: rows.slice(0, SHADOW_ROWS_MAX), restCount: BigInt(rest) };
}

export type ShadowTotals = Pick<
  ShadowReport,
  "workload" | "run" | "running" | "problem" | "met" | "uncounted"
>;

/** Rows as the message of a whole run; those past the limit are counted as `uncounted`. */
export function toShadowReport(totals: ShadowTotals, rows: readonly ShadowRow[]): ShadowReport {
  const { kept, restCount } = firstRows(rows);
  const processes = createDictionary<ProcessIdentity>((one) => JSON.stringify(one));
  const rules = createDictionary<string>((one) => one);
  const column = <T>(of: (row: ShadowRow) => T) => kept.map(of);
  return create(ShadowReportSchema, {
    ...totals,
    uncounted: totals.uncounted + restCount,
    process: column((row) => (row.process === null ? 0 : processes.indexOf(row.process))),
    peerAddress: Buffer.concat(kept.map((row) => Buffer.from(row.address, "hex"))),
    port: column((row) => row.port),
    proto: column((row) => row.proto),
    direction: column((row) => (row.direction === "out" ? Direction.OUTBOUND : Direction.INBOUND)),
    liveVerdict: column((row) => row.live),
    draftVerdict: column((row) => row.draft),
    liveRule: column((row) => (row.liveRule === "" ? 0 : rules.indexOf(row.liveRule))),
    draftRule: column((row) => (row.draftRule === "" ? 0 : rules.indexOf(row.draftRule))),
    count: column((row) => BigInt(row.count)),
    firstMs: column((row) => BigInt(row.firstMs)),
    lastMs: column((row) => BigInt(row.lastMs)),
    processes: processes.values.map((one) => create(ProcessSchema, toProcess(one))),
    rules: rules.values,
  });
}

const VERDICTS: Readonly<Record<KernelVerdict, Verdict>> = {
  allowed: Verdict.ALLOWED,
  wouldBlock: Verdict.WOULD_BLOCK,
  wouldBlockAlert: Verdict.WOULD_BLOCK,
  blocked: Verdict.BLOCKED,
};

/** Values by their place + 1, each once. */
function createDictionary<T>(keyOf: (value: T) => string) {
  const values: T[] = [];
  const places = new Map<string, number>();
  return {
    values,
    indexOf: (value: T): number => {
      const key = keyOf(value);
      const place = places.get(key) ?? values.push(value);
      places.set(key, place);
      return place;
    },
  };
}
