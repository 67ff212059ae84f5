import { readFileSync, readlinkSync } from "node:fs";

/** A process told apart from a later one with the same number: by its start, in clock ticks since boot. */
export type ProcessMark = { readonly pid: number; readonly startTicks: string };

/** Null when no such process runs. */
export function markOf(pid: number): ProcessMark | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the name in parentheses and may hold anything; the 22nd is the start.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    const startTicks = fields[19];
    if (state === "Z" || startTicks === undefined) return null;
    return { pid, startTicks };
  } catch {
    return null;
  }
}

export function isRunning(mark: ProcessMark): boolean {
  return markOf(mark.pid)?.startTicks === mark.startTicks;
}

/** The executable's path, or null when it can't be read. */
export function executableOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

/** Waits until the process is gone; false when it still runs after `timeoutMs`. */
export async function waitForEnd(mark: ProcessMark, timeoutMs: number): Promise<boolean> {
  const POLL_MS = 20;
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += POLL_MS) {
    if (!isRunning(mark)) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return !isRunning(mark);
}
