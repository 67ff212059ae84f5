import { setTimeout as sleep } from "node:timers/promises";
import type { Identifier } from "../identify/identifier.ts";
import type { Kernel } from "../kernel/contract.ts";

/** Processes of one user looked at together; more would compete for the same disk. */
const SEED_JOBS_MAX = 8;
/** Milliseconds after which the agent goes on without those that run large files; they are known when they are. */
const SEED_WAIT_MS = 30_000;

/**
 * Tells the kernel about processes that are older than its programs, or that began while no agent ran. Returns how
 * many there were.
 */
export async function seedProcesses(kernel: Kernel, identifier: Identifier): Promise<number> {
  const records = kernel.readTasks();
  const unknown = records.filter(({ tgid }) => {
    const task = kernel.getTask(tgid);
    if (task === undefined) return true;
    return task.pending && !task.agent && kernel.getResolution(task) === undefined;
  });
  const users = Map.groupBy(unknown, ({ uid }) => uid);
  const jobs = [...users.values()].flatMap((own) => {
    const queue = own.values();
    // Every job takes from the same queue.
    return Array.from({ length: SEED_JOBS_MAX }, async () => {
      for (const record of queue) await identifier.seed(record);
    });
  });
  const enough = new AbortController();
  const waited = sleep(SEED_WAIT_MS, undefined, { signal: enough.signal }).catch(() => undefined);
  await Promise.race([Promise.all(jobs), waited]).finally(() => enough.abort());
  return unknown.length;
}
