import type { ExecRecord, ProcessIdentity } from "@ringwall/model";
import { processKey } from "./input/edges-of-flows.ts";

const DAY_MS = 86_400_000;

/** A program that was started on a workload, with what was seen of it; the same program twice is one of these. */
export type Exec = {
  readonly workload: string;
  readonly process: ProcessIdentity;
  /** Milliseconds since 1970. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Days of the calendar (UTC) on which it was started. */
  readonly days: number;
  readonly count: number;
};

export type ExecCollector = {
  readonly add: (record: ExecRecord) => void;
  /** In a stable order. */
  readonly execs: () => readonly Exec[];
};

type Gathered = { workload: string; process: ProcessIdentity; times: number[] };

/** Collects exec records of any number; constant memory per distinct program, workload and day. */
export function collectExecs(): ExecCollector {
  const gathered = new Map<string, Gathered & { days: Set<number>; count: number }>();
  const add = ({ time, workload, exec }: ExecRecord): void => {
    const process = identityOf(exec);
    const key = `${workload}\t${processKey(process)}`;
    const known = gathered.get(key) ?? { workload, process, times: [], days: new Set<number>(), count: 0 };
    gathered.set(key, known);
    const ms = Date.parse(time);
    known.times = [Math.min(ms, ...known.times), Math.max(ms, ...known.times)];
    known.days.add(Math.floor(ms / DAY_MS));
    known.count += 1;
  };
  const execs = (): readonly Exec[] =>
    [...gathered]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { workload, process, times, days, count }]) => ({
        workload,
        process,
        firstMs: times[0] ?? 0,
        lastMs: times[1] ?? 0,
        days: days.size,
        count,
      }));
  return { add, execs };
}

function identityOf(exec: ExecRecord["exec"]): ProcessIdentity {
  return {
    exe: exec.exe,
    exeSha256: exec.exeSha256 ?? null,
    script: exec.script ?? null,
    scriptSha256: exec.scriptSha256 ?? null,
    unattributable: exec.unattributable ?? null,
    user: exec.user ?? null,
    unit: exec.unit ?? null,
    container: exec.container ?? null,
    image: null,
    package: exec.package ?? null,
    evidence: exec.evidence ?? null,
    environment: [...(exec.environment ?? [])].sort(),
  };
}
