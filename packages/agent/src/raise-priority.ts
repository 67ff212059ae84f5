import { readdirSync } from "node:fs";
import { setPriority } from "node:os";

/**
 * The agent's nice value. Connections of programs that were just started wait for its answer, so on a busy machine it must
 * not wait for its turn among everything else.
 */
export const AGENT_NICE = -5;

/**
 * Gives all threads of this process that priority; threads and processes that they make have it too. False where that is
 * not permitted (no CAP_SYS_NICE): the agent works all the same, slower on a busy machine.
 */
export function raisePriority(): boolean {
  try {
    // Linux keeps it for each thread.
    for (const thread of readdirSync("/proc/self/task")) setPriority(Number(thread), AGENT_NICE);
    return true;
  } catch {
    return false;
  }
}
