import type { Exec } from "@ringwall/learner";
import type { FlowStore } from "../store/flows/flow-store.ts";
import type { ProcessId } from "../store/flows/process.ts";
import { isInDrillFolder } from "./drill/mark-flows.ts";

const DAY_MS = 86_400_000;
/** Programs of all hosts that the learner is given; the newest first. */
export const STARTED_ROWS_MAX = 500_000;

type Row = {
  readonly process: ProcessId;
  readonly workload: string;
  readonly first_ms: number;
  readonly last_ms: number;
};

/*
 * An agent reports a program when it first meets it, so that the whole history counts, whatever the window. Hosts without
 * any exec record are left out: their list would hold nothing but what uses the network.
 */
const STARTED_SQL = `
SELECT toString(process) AS process, workload,
  toUnixTimestamp64Milli(min(first)) AS first_ms, toUnixTimestamp64Milli(max(last)) AS last_ms
FROM ringwall.sightings
WHERE workload IN (SELECT DISTINCT workload FROM ringwall.exec_reports)
GROUP BY process, workload ORDER BY last_ms DESC, process, workload LIMIT ${STARTED_ROWS_MAX}`;

/** What was started on the hosts that report it. */
export async function loadStarted({ engine, processes }: FlowStore): Promise<readonly Exec[]> {
  const rows = await engine.query<Row>(STARTED_SQL);
  return rows.flatMap(({ process, workload, first_ms, last_ms }) => {
    const identity = processes.get(process);
    if (identity === null || isInDrillFolder(identity.exe) || isInDrillFolder(identity.script)) return [];
    const days = Math.floor(last_ms / DAY_MS) === Math.floor(first_ms / DAY_MS) ? 1 : 2;
    return [{ workload, process: identity, firstMs: first_ms, lastMs: last_ms, days, count: 1 }];
  });
}
