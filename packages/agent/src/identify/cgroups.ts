import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type CgroupOwner, parseCgroupPath, parseProcCgroup } from "./cgroup-path.ts";
import { readProcText, readProcTextNow } from "./proc.ts";

/** Control groups whose owner is remembered; past it all are looked up again. */
export const CGROUPS_REMEMBERED_MAX = 4096;
/** Folders looked at for a control group whose processes have gone. */
export const CGROUP_SEARCH_MAX = 10_000;

export type CgroupLookup = {
  /** Whose control group this is; `tgid` is a process that was in it, if it still runs. */
  readonly ownerOf: (cgroupId: bigint, tgid: number) => Promise<CgroupOwner>;
  /** The same without waiting, where it is known. */
  readonly known: (cgroupId: bigint) => CgroupOwner | undefined;
  /**
   * Who shares with whom what the agent does at a time; without a search for groups of processes that have ended. It is what
   * those who wait are counted by, so nobody waits for it, uncounted.
   */
  readonly tenantOf: (cgroupId: bigint, tgid: number) => string;
};

/**
 * Turns the kernel's control group numbers into units and containers. On cgroup2 the number is the folder's inode.
 * `mount` is where cgroup2 is mounted, `scope` the agent's own folder below it, `/` for all; `readFrom` the folder below
 * which paths say who runs, where that is not the scope.
 */
export function createCgroupLookup(mount: string, scope: string, readFrom = scope): CgroupLookup {
  const owners = new Map<bigint, CgroupOwner>();

  async function find(cgroupId: bigint, tgid: number): Promise<string | undefined> {
    const text = await readProcText(tgid, "cgroup");
    const path = text === undefined ? undefined : parseProcCgroup(text);
    if (path !== undefined && (await inodeOf(join(mount, path))) === cgroupId) return path;
    return search(mount, scope, cgroupId);
  }

  return {
    known: (cgroupId) => owners.get(cgroupId),
    tenantOf: (cgroupId, tgid) => {
      const known = owners.get(cgroupId);
      if (known !== undefined) return tenantOf(known);
      const text = readProcTextNow(tgid, "cgroup");
      const path = text === undefined ? undefined : parseProcCgroup(text);
      // Wherever it is now: out of its container it can't go.
      return path === undefined ? ENDED : tenantOf(parseCgroupPath(path, readFrom));
    },
    ownerOf: async (cgroupId, tgid) => {
      const known = owners.get(cgroupId);
      if (known !== undefined) return known;
      const path = await find(cgroupId, tgid);
      if (path === undefined) return { unit: null, container: null, pod: null };
      const owner = parseCgroupPath(path, readFrom);
      if (owners.size >= CGROUPS_REMEMBERED_MAX) owners.clear();
      owners.set(cgroupId, owner);
      return owner;
    },
  };
}

/** Of whom nobody can say any more whose they were. */
const ENDED = "ended";

/** A container; the host is "". A user's own containers are one, as he may make many: their unit is his. */
export function tenantOf({ unit, container }: CgroupOwner): string {
  return container === null ? "" : (unit ?? container);
}

async function inodeOf(folder: string): Promise<bigint | undefined> {
  return (await stat(folder, { bigint: true }).catch(() => undefined))?.ino;
}

async function search(mount: string, scope: string, cgroupId: bigint): Promise<string | undefined> {
  const queue = [scope];
  for (let looked = 0; looked < CGROUP_SEARCH_MAX && queue.length > 0; looked++) {
    const path = queue.shift() ?? "/";
    if ((await inodeOf(join(mount, path))) === cgroupId) return path;
    const entries = await readdir(join(mount, path), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) queue.push(join(path, entry.name));
  }
  return undefined;
}

/** Where cgroup2 is mounted, from /proc/self/mountinfo (proc_pid_mountinfo(5)); undefined where it isn't. */
export function parseCgroupMount(mountinfo: string): string | undefined {
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ");
    if (before === undefined || !after?.startsWith("cgroup2 ")) continue;
    const [, , , root, mount] = before.split(" ");
    if (root === "/" && mount !== undefined) return mount.replace(/\\040/g, " ");
  }
  return undefined;
}
