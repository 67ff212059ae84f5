import { readdir } from "node:fs/promises";
import type { ExecKey, Kernel } from "../kernel/contract.ts";

/** Looks at all processes: what a process forks while it is being ended is found at the next one. */
const ROUNDS_MAX = 5;

/**
 * Ends every process of one execution, children included that have not executed anything else; returns how many. The
 * kernel says who they are just before each signal, so that none goes to another program under the same number.
 */
export async function killExecution(kernel: Kernel, exec: ExecKey, first: number): Promise<number> {
  let killed = kill(kernel, exec, first) ? 1 : 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
    const found = pids.filter((pid) => pid !== first && kill(kernel, exec, pid)).length;
    killed += found;
    if (found === 0) break;
  }
  return killed;
}

function kill(kernel: Kernel, exec: ExecKey, pid: number): boolean {
  const task = kernel.getTask(pid);
  if (task === undefined || task.execNs !== exec.execNs || task.execTgid !== exec.execTgid) return false;
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    // It has ended by itself.
    return false;
  }
}
