import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import path from "node:path";
import { destroyCgroup, labRoot } from "./cgroup.ts";

/**
 * A run's name: its pid and the process's start time in clock ticks since boot, so that a reused pid is not mistaken
 * for a run that is still alive.
 */
export function runName(): string {
  return `${process.pid}-${startTicks(process.pid) ?? 0}`;
}

/**
 * Ends what a lab left behind that was killed before it could clean up. Namespaces, mounts, pinned programs and the
 * files on the hosts' tmpfs go with their last process, so that ending the processes is all there is to do.
 * @returns the names of the runs that were cleaned up
 */
export async function sweepLeftovers(): Promise<readonly string[]> {
  const root = labRoot();
  if (!existsSync(root)) return [];
  const dead = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !isAlive(entry.name))
    .map((entry) => entry.name);
  for (const name of dead) await destroyCgroup(path.join(root, name));
  removeRootIfEmpty(root);
  return dead;
}

/** The common root belongs to all runs: it goes with the last of them. */
export function removeRootIfEmpty(root: string): void {
  try {
    rmdirSync(root);
  } catch {
    // Another run is using it, or it is gone already.
  }
}

function isAlive(run: string): boolean {
  const [pid, ticks] = run.split("-").map(Number);
  return pid !== undefined && ticks !== undefined && startTicks(pid) === ticks;
}

/** Field 22 of proc_pid_stat(5), counted behind the command's name, which may itself hold blanks and brackets. */
function startTicks(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return null;
  }
}
