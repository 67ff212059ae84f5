import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onThisMachine } from "../slowness.ts";

/** How long the kernel may take to end the processes of a killed subtree. */
const KILL_WAIT_MS_MAX = 10_000;
const KILL_POLL_MS = 20;

/** Where cgroup2 is mounted, by mountinfo(5): `/sys/fs/cgroup` mostly, `/sys/fs/cgroup/unified` on hybrid machines. */
export function findCgroup2(mountinfo: string): string | null {
  for (const line of mountinfo.split("\n")) {
    const [left, right] = line.split(" - ");
    const mountPoint = left?.split(" ")[4];
    if (right?.startsWith("cgroup2 ") === true && mountPoint !== undefined) return mountPoint;
  }
  return null;
}

/** All lab runs of this machine live below here, each in a folder named after its process. */
export function labRoot(): string {
  const mount = findCgroup2(readFileSync("/proc/self/mountinfo", "utf8"));
  if (mount === null) throw new Error("no cgroup2 is mounted on this machine");
  return path.join(mount, "ringwall-lab");
}

/** Pids in a cgroup and everything below it. */
export function processesIn(cgroup: string): number[] {
  if (!existsSync(cgroup)) return [];
  const own = readFileSync(path.join(cgroup, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
  return [...own, ...children(cgroup).flatMap(processesIn)];
}

/**
 * Ends every process of the subtree, waits for that, and removes the subtree. Nothing outside it is touched. Another lab
 * may be at the same leftover: what it has removed meanwhile is gone as well.
 */
export async function destroyCgroup(cgroup: string): Promise<void> {
  const deadline = Date.now() + onThisMachine(KILL_WAIT_MS_MAX);
  while (existsSync(cgroup)) {
    try {
      const pids = processesIn(cgroup);
      if (pids.length === 0) {
        await removeTree(cgroup, deadline);
        continue;
      }
      if (Date.now() > deadline) throw new Error(`processes ${pids.join(", ")} of ${cgroup} do not end`);
      killThere(cgroup, pids);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    await sleep(KILL_POLL_MS);
  }
}

function killThere(cgroup: string, pids: readonly number[]): void {
  const killAll = path.join(cgroup, "cgroup.kill");
  // It is there from Linux 5.14.
  if (existsSync(killAll)) writeFileSync(killAll, "1", { flag: "r+" });
  else for (const pid of pids) killQuietly(pid);
}

/** A file of a control group that was removed: before it was opened, or after. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENODEV";
}

export function makeCgroup(cgroup: string): void {
  mkdirSync(cgroup, { recursive: true });
}

/** A cgroup stays busy for a moment after its last process has become a zombie. */
async function removeTree(cgroup: string, deadline: number): Promise<void> {
  for (const child of children(cgroup)) await removeTree(child, deadline);
  for (;;) {
    try {
      rmdirSync(cgroup);
      return;
    } catch (error) {
      if (!existsSync(cgroup)) return;
      if (Date.now() > deadline) throw error;
      await sleep(KILL_POLL_MS);
    }
  }
}

function children(cgroup: string): string[] {
  return readdirSync(cgroup, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(cgroup, entry.name));
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in between.
  }
}
