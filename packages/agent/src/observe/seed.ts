import type { Identifier } from "../identify/identifier.ts";
import type { Kernel } from "../kernel/contract.ts";

/** Processes looked at together; more would compete for the same disk. */
const SEED_JOBS_MAX = 8;

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
  const queue = unknown.values();
  // Every job takes from the same queue.
  const jobs = Array.from({ length: SEED_JOBS_MAX }, async () => {
    for (const record of queue) await identifier.seed(record);
  });
  await Promise.all(jobs);
  return unknown.length;
}
