import type { ProcessIdentity } from "@ringwall/model";
import type { DecodedExecs } from "../../ingest/decode-execs.ts";
import type { DecodedFlows } from "../../ingest/decode-flows.ts";
import { batchKeyOf, createBatchMemory } from "./batch-memory.ts";
import type { FlowEngine } from "./engine/engine.ts";
import { createGroupWriter } from "./group-writer.ts";
import { formatProcess, PROCESS_COLUMNS, PROCESS_UNKNOWN, type ProcessId, processIdOf } from "./process.ts";
import { createProcessBook, type ProcessBook } from "./process-book.ts";
import { EXEC_COLUMNS, FLOW_COLUMNS, formatExec, formatFlow } from "./rows.ts";

/** `repeated`: this batch had been stored before, and nothing was changed. */
export type StoreOutcome =
  | { readonly kind: "stored"; readonly newProcesses: readonly ProcessIdentity[] }
  | { readonly kind: "repeated" };

/** Appends what agents report. A batch is stored whole or not at all, and once however often it is sent. */
export type FlowStore = {
  readonly engine: FlowEngine;
  readonly processes: ProcessBook;
  storeFlows(workload: string, batch: DecodedFlows): Promise<StoreOutcome>;
  storeExecs(workload: string, batch: DecodedExecs): Promise<StoreOutcome>;
  /** Rows kept now. */
  count(): Promise<number>;
  close(): Promise<void>;
};

export async function openFlowStore(engine: FlowEngine): Promise<FlowStore> {
  const processes = await createProcessBook(engine);
  const flowBatches = createBatchMemory(engine, "flow_reports");
  const execBatches = createBatchMemory(engine, "exec_reports");
  const processWriter = createGroupWriter(engine, "ringwall.processes", PROCESS_COLUMNS);
  const flowWriter = createGroupWriter(engine, "ringwall.flow_reports", FLOW_COLUMNS);
  const execWriter = createGroupWriter(engine, "ringwall.exec_reports", EXEC_COLUMNS);
  const saving = new Map<ProcessId, Promise<void>>();

  type Fresh = { readonly id: ProcessId; readonly identity: ProcessIdentity };
  const save = async (fresh: readonly Fresh[]) => {
    try {
      await processWriter.append(fresh.map(({ id, identity }) => formatProcess(id, identity)));
      for (const { id, identity } of fresh) processes.add(id, identity);
    } finally {
      for (const { id } of fresh) saving.delete(id);
    }
  };

  /** Processes come first: a report must never name one that is not there. */
  const saveProcesses = async (identities: readonly ProcessIdentity[]) => {
    const found = identities.map((identity) => ({ id: processIdOf(identity), identity }));
    const unknown = new Map(found.filter(({ id }) => !processes.has(id)).map((one) => [one.id, one]));
    // INVARIANT: nothing is awaited between finding nobody at work and being at work oneself.
    const others = [...unknown.keys()].flatMap((id) => saving.get(id) ?? []);
    const fresh = [...unknown.values()].filter(({ id }) => !saving.has(id));
    const saved = save(fresh);
    for (const { id } of fresh) saving.set(id, saved);
    await Promise.all([saved, ...others]);
    return { ids: found.map(({ id }) => id), fresh: fresh.map(({ identity }) => identity) };
  };

  return {
    engine,
    processes,
    async storeFlows(workload, batch) {
      const key = batchKeyOf(workload, batch.batchId);
      return flowBatches.once(key, newest(batch.reports.map((one) => one.lastMs)), async () => {
        const { ids, fresh } = await saveProcesses(batch.processes);
        const idOf = (index: number): ProcessId => ids[index] ?? PROCESS_UNKNOWN;
        const received = secondsNow();
        await flowWriter.append(
          batch.reports.map((report) => formatFlow(received, key, workload, report, idOf(report.process))),
        );
        return { kind: "stored", newProcesses: fresh };
      });
    },
    async storeExecs(workload, batch) {
      const key = batchKeyOf(workload, batch.batchId);
      return execBatches.once(key, newest(batch.reports.map((one) => one.timeMs)), async () => {
        const { ids, fresh } = await saveProcesses(batch.reports.map((report) => report.process));
        const received = secondsNow();
        await execWriter.append(
          batch.reports.map((report, index) =>
            formatExec(received, key, workload, report, ids[index] ?? PROCESS_UNKNOWN),
          ),
        );
        return { kind: "stored", newProcesses: fresh };
      });
    },
    async count() {
      const [row] = await engine.query<{ rows: number }>("SELECT count() AS rows FROM ringwall.flow_reports");
      return row?.rows ?? 0;
    },
    close: () => engine.close(),
  };
}

/** Of a batch without rows nothing can be stored twice. */
function newest(times: readonly number[]): number {
  return times.reduce((latest, time) => Math.max(latest, time), times.length === 0 ? Number.MAX_VALUE : 0);
}

function secondsNow(): number {
  return Math.floor(Date.now() / 1000);
}
