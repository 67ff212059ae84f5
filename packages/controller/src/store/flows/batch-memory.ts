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

/** Clocks of hosts may be ahead of ours by so much without an old batch being taken for a new one. */
const CLOCK_MARGIN_MS = 300_000;

export type BatchMemory = {
  /**
   * Runs `work` unless the batch is stored already; two calls at once for the same batch store it once. `newestMs` is the
   * time of the batch's newest row.
   */
  once<T>(
    key: BatchKey,
    newestMs: number,
    work: () => Promise<T>,
  ): Promise<T | { readonly kind: "repeated" }>;
};

/**
 * Which batches are stored. INVARIANT: the stored rows themselves say it, so that a kill between insert and answer
 * makes no row twice: a batch that is older than what is remembered is looked up in the table.
 */
export function createBatchMemory(
  engine: FlowEngine,
  table: "flow_reports" | "exec_reports",
  nowMs: () => number = Date.now,
): BatchMemory {
  /** With the time each was stored; the oldest first. */
  const stored = new Map<BatchKey, number>();
  const running = new Map<BatchKey, Promise<unknown>>();
  /** Batches stored before are not all remembered. */
  let completeSinceMs = nowMs();

  const remember = (key: BatchKey) => {
    stored.set(key, nowMs());
    for (const [oldest, storedMs] of stored) {
      if (stored.size <= BATCHES_REMEMBERED_MAX) break;
      stored.delete(oldest);
      completeSinceMs = storedMs;
    }
  };
  const isStored = async (key: BatchKey): Promise<boolean> => {
    const rows = await engine.query<{ found: number }>(
      `SELECT 1 AS found FROM ringwall.${table} WHERE batch = {batch:UInt64} LIMIT 1`,
      { batch: key },
    );
    return rows.length > 0;
  };

  return {
    async once(key, newestMs, work) {
      // INVARIANT: nothing is awaited between finding nobody at work and being at work oneself.
      for (let before = running.get(key); before !== undefined; before = running.get(key)) {
        await before.catch(() => undefined);
      }
      if (stored.has(key)) return { kind: "repeated" };
      const attempt = (async () => {
        const mayBeThere = newestMs < completeSinceMs + CLOCK_MARGIN_MS;
        if (mayBeThere && (await isStored(key))) {
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
