/** Processes in scope from /proc, for kernels that take no task iterator. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseCgroupMount } from "../identify/cgroups.ts";
import type { TaskRecord } from "./contract.ts";

/** Of the times in /proc/PID/stat: USER_HZ, the same on every architecture that we build for. */
const NS_PER_TICK = 10_000_000n;
/** What /proc can't tell: the kernel's own key of a file. No file has it. */
export const NO_FILE = { inode: 0n, ctimeNs: 0n, device: 0, generation: 0 };

export type ProcScope = { readonly cgroupId: bigint; readonly level: number };

/**
 * As the kernel's iterator has them, but for the executable's key: so a program is known by its content, and not kept for
 * the next one that runs the same file. A process may vanish meanwhile.
 */
export function readProcTasks(scope: ProcScope): readonly TaskRecord[] {
  const mount = parseCgroupMount(readFileSync("/proc/self/mountinfo", "utf8"));
  if (mount === undefined) return [];
  const ids = new Map<string, bigint>();
  const idOf = (path: string): bigint => {
    const known = ids.get(path) ?? statSync(join(mount, path), { bigint: true }).ino;
    ids.set(path, known);
    return known;
  };
  const records: TaskRecord[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const record = readTask(Number(name), scope, idOf);
      if (record !== undefined) records.push(record);
    } catch {
      // It has ended, or is a thread of the kernel: neither has an executable.
    }
  }
  return records;
}

function readTask(
  tgid: number,
  { cgroupId, level }: ProcScope,
  idOf: (path: string) => bigint,
): TaskRecord | undefined {
  const folder = `/proc/${tgid}`;
  const path = parseCgroupPath(readFileSync(`${folder}/cgroup`, "utf8"));
  if (path === undefined) return undefined;
  const above = path.split("/").slice(0, level + 1);
  if (above.length <= level || (level > 0 && idOf(above.join("/")) !== cgroupId)) return undefined;
  readlinkSync(`${folder}/exe`);
  const stat = parseStat(readFileSync(`${folder}/stat`, "latin1"));
  const uid = /^Uid:\t\d+\t(\d+)/m.exec(readFileSync(`${folder}/status`, "latin1"))?.[1];
  if (stat === undefined || uid === undefined) return undefined;
  const { comm, ppid, startTicks } = stat;
  const timeNs = startTicks * NS_PER_TICK;
  return { tgid, ppid, uid: Number(uid), comm, timeNs, cgroupId: idOf(path), file: NO_FILE };
}

/** The path in the unified hierarchy (cgroups(7)): the line `0::PATH`. */
export function parseCgroupPath(text: string): string | undefined {
  const path = /^0::(\/.*)$/m.exec(text)?.[1];
  return path === "/" ? "" : path;
}

/** Fields 2, 4 and 22 (proc_pid_stat(5)); the name stands in parentheses and may hold some itself. */
export function parseStat(
  text: string,
): { readonly comm: string; readonly ppid: number; readonly startTicks: bigint } | undefined {
  const from = text.indexOf("(");
  const to = text.lastIndexOf(")");
  if (from < 0 || to < from) return undefined;
  const [ppid, start] = [1, 19].map((field) => text.slice(to + 2).split(" ")[field] ?? "");
  if (!/^\d+$/.test(ppid ?? "") || !/^\d+$/.test(start ?? "")) return undefined;
  return { comm: text.slice(from + 1, to), ppid: Number(ppid), startTicks: BigInt(start ?? 0) };
}

/** Whether a key stands for no file: nothing may be remembered by it. */
export function isNoFile(file: TaskRecord["file"]): boolean {
  return file.inode === 0n;
}
