import { createHash } from "node:crypto";
import type { FlowEngine } from "./engine/engine.ts";

/** 64 bits of the SHA-256 of workload and batch id, as a decimal number. */
export type BatchKey = string & { readonly brand: "BatchKey" };

/** Batches that are remembered; for older ones the store itself is asked. */
export const BATCHES_REMEMBERED_MAX = 200_000;

export function batchKeyOf(workload: string, batchId: string): BatchKey {
  const digest = createHash("sha256").update(`${workload}\0${batchId}`).digest();
  return String(digest.readBigUInt64BE(0)) as BatchKey;
}

export type BatchMemory = {
  /** Runs `work` unless the batch is stored already; two calls at once for the same batch store it once. */
  once<T>(key: BatchKey, work: () => Promise<T>): Promise<T | { readonly kind: "repeated" }>;
};

/**
 * Which batches are stored. INVARIANT: the stored rows themselves say it, so that a kill between insert and answer
 * makes no row twice: what is not remembered (this process is younger, or has forgotten) is looked up in the table.
 */
export async function createBatchMemory(
  engine: FlowEngine,
  table: "flow_reports" | "exec_reports",
): Promise<BatchMemory> {
  const stored = new Set<BatchKey>();
  const running = new Map<BatchKey, Promise<unknown>>();

  const remember = (key: BatchKey) => {
    stored.add(key);
    for (const oldest of stored) {
      if (stored.size <= BATCHES_REMEMBERED_MAX) break;
      stored.delete(oldest);
    }
  };
  const isStored = async (key: BatchKey): Promise<boolean> => {
    const rows = await engine.query<{ found: number }>(
      `SELECT 1 AS found FROM ringwall.${table} PREWHERE batch = {batch:UInt64} LIMIT 1`,
      { batch: key },
    );
    return rows.length > 0;
  };

  return {
    async once(key, work) {
      const before = running.get(key);
      if (before !== undefined) await before.catch(() => undefined);
      if (stored.has(key)) return { kind: "repeated" };
      const attempt = (async () => {
        if (await isStored(key)) {
          remember(key);
          return { kind: "repeated" } as const;
        }
        const result = await work();
        remember(key);
        return result;
      })();
      running.set(key, attempt);
      try {
        return await attempt;
      } finally {
        if (running.get(key) === attempt) running.delete(key);
      }
    },
  };
}
