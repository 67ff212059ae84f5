import { setTimeout as sleep } from "node:timers/promises";
import type { DenialEvent, FlowRecord, ProcessRef } from "../kernel/contract.ts";

/** Refusals that wait for their program's name; past it they are told as those of a program not known. */
export const UNNAMED_MAX = 1024;
/** Milliseconds that a report waits for names. */
const NAMED_MS_MAX = 500;
const POLL_MS = 20;
/** The kernel reads its clock for flows once a tick, at 100 Hz at the slowest. */
const TICK_NS = 10_000_000n;

/**
 * What is refused before the agent has looked at the program (a datagram of one that has just started) is counted by the
 * kernel as nobody's. Who it was is known a moment later, and by the refusal's event belongs to the row.
 */
export type LateNames = {
  readonly note: (event: DenialEvent) => void;
  /** The rows, those that became known split off from those that are nobody's. */
  readonly name: (records: readonly FlowRecord[]) => Promise<readonly FlowRecord[]>;
};

/** @param idOf the number of a process' identity; undefined while it is being found out, null if nobody will */
export function createLateNames(
  idOf: (process: ProcessRef) => Promise<number | null | undefined>,
  waitMsMax = NAMED_MS_MAX,
): LateNames {
  let waiting: DenialEvent[] = [];

  async function find(process: ProcessRef): Promise<number | null> {
    const untilMs = performance.now() + waitMsMax;
    for (;;) {
      const leftMs = Math.max(0, untilMs - performance.now());
      // An answer that was begun may take much longer: files may be large.
      const id = await Promise.race([idOf(process), sleep(leftMs)]);
      if (id !== undefined) return id;
      if (performance.now() >= untilMs) return null;
      await sleep(POLL_MS);
    }
  }

  return {
    note: (event) => {
      if (event.identity === 0 && event.direction === "out" && waiting.length < UNNAMED_MAX)
        waiting.push(event);
    },
    name: async (records) => {
      if (waiting.length === 0) return records;
      const events = waiting;
      waiting = [];
      const named = await Promise.all(
        events.map(async (event) => ({ event, id: await find(event.process).catch(() => null) })),
      );
      const left = named.flatMap(({ event, id }) => (id === null ? [] : [{ event, id }]));
      return records.flatMap((record) => split(record, left));
    },
  };
}

/** One row for each program among the refusals, and one for what is left. Takes what belongs to the row out of `named`. */
function split(
  record: FlowRecord,
  named: { readonly event: DenialEvent; readonly id: number }[],
): readonly FlowRecord[] {
  if (record.identity !== 0) return [record];
  const counts = new Map<number, bigint>();
  let rest = record.count;
  for (let i = 0; i < named.length && rest > 0n; ) {
    const one = named[i];
    if (one === undefined || !isOf(one.event, record)) {
      i += 1;
      continue;
    }
    counts.set(one.id, (counts.get(one.id) ?? 0n) + 1n);
    named.splice(i, 1);
    rest -= 1n;
  }
  const rows = [...counts].map(([identity, count]) => ({ ...record, identity, count }));
  return rest > 0n || rows.length === 0 ? [...rows, { ...record, count: rest }] : rows;
}

function isOf(event: DenialEvent, record: FlowRecord): boolean {
  return (
    event.port === record.port &&
    event.proto === record.proto &&
    event.direction === record.direction &&
    event.verdict === record.verdict &&
    event.reason === record.reason &&
    event.rule === record.rule &&
    event.timeNs >= record.firstNs - TICK_NS &&
    event.timeNs <= record.lastNs + TICK_NS &&
    event.address.every((byte, i) => byte === record.address[i])
  );
}
