import { readFileSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parseCgroupPath } from "../identify/cgroup-path.ts";

/** Folders of the cgroup tree looked at in one round, and how deep below the scope. */
export const CGROUP_FOLDERS_MAX = 10_000;
const DEPTH_MAX = 8;
/** Then others have their turn. */
const FOLDERS_AT_ONCE = 256;
const LEAF_LINKS = 2;

/** A control group that is a container, or a pod with all of its containers. */
export type FoundContainer = {
  /** Below the mount, with a leading slash. */
  readonly path: string;
  /** The pod's UID, or the container's id. */
  readonly id: string;
  readonly kind: "pod" | "container";
  /** The containers within: itself, or the pod's. */
  readonly containers: readonly string[];
  /** Changes when the group is removed and made again. */
  readonly inode: bigint;
};

/** The outermost containers and pods below `scope` in which a process runs, in the order of their paths. */
export async function findContainers(mount: string, scope: string): Promise<FoundContainer[]> {
  const found: FoundContainer[] = [];
  const queue = [{ path: scope, depth: 0 }];
  for (let looked = 0; looked < CGROUP_FOLDERS_MAX; looked++) {
    const next = queue.shift();
    if (next === undefined) break;
    if (looked % FOLDERS_AT_ONCE === 0) await setImmediate();
    for (const name of await foldersIn(join(mount, next.path))) {
      const path = `${next.path}/${name}`;
      if (containerFolder(path, scope) === undefined) {
        if (next.depth < DEPTH_MAX) queue.push({ path, depth: next.depth + 1 });
        continue;
      }
      const one = await foundAt(mount, path, scope);
      if (one !== undefined) found.push(one);
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The folder of the outermost container or pod that a path leads to, itself or above; undefined where there is none. */
export function containerFolder(path: string, scope: string): Omit<FoundContainer, "inode"> | undefined {
  const below = path.startsWith(`${scope}/`) ? path.slice(scope.length) : undefined;
  if (below === undefined) return undefined;
  let at = scope;
  for (const part of below.split("/").slice(1)) {
    at = `${at}/${part}`;
    const { container, pod } = parseCgroupPath(at, scope === "" ? "/" : scope);
    if (pod !== null) return { path: at, id: pod, kind: "pod", containers: [] };
    if (container !== null) return { path: at, id: container, kind: "container", containers: [container] };
  }
  return undefined;
}

/** The container or pod of a folder, in which a process runs; undefined where none does. */
export async function foundAt(
  mount: string,
  path: string,
  scope: string,
): Promise<FoundContainer | undefined> {
  const folder = containerFolder(path, scope);
  const inode = inodeOf(join(mount, path));
  if (folder?.path !== path || inode === undefined || !isPopulated(join(mount, path))) return undefined;
  const found = { ...folder, inode };
  if (folder.kind === "container") return found;
  const inside = await foldersIn(join(mount, path));
  return { ...found, containers: inside.flatMap((one) => parseCgroupPath(`/${one}`).container ?? []) };
}

/** All folders within a control group, at most CGROUP_FOLDERS_MAX. */
export async function foldersBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  const queue = [folder];
  for (let looked = 0; looked < CGROUP_FOLDERS_MAX; looked++) {
    const next = queue.shift();
    if (next === undefined) break;
    const inside = (await foldersIn(next)).map((name) => join(next, name));
    found.push(...inside);
    queue.push(...inside);
  }
  return found;
}

/** A process that runs in a control group or below it. */
export async function processIn(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, "cgroup.procs"), "utf8").catch(() => "");
  const pid = Number(text.split("\n")[0]);
  if (pid > 0) return pid;
  for (const name of await foldersIn(folder)) {
    const below = await processIn(join(folder, name));
    if (below !== undefined) return below;
  }
  return undefined;
}

// The control group tree is in memory, and gone through once a second: handing each look to a thread costs far more.

function isPopulated(folder: string): boolean {
  try {
    return /^populated 1$/m.test(readFileSync(join(folder, "cgroup.events"), "utf8"));
  } catch {
    return false;
  }
}

function inodeOf(folder: string): bigint | undefined {
  try {
    return statSync(folder, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}

async function foldersIn(folder: string): Promise<string[]> {
  if (isLeaf(folder)) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** Most are, and full of files: a folder has a link by its name, one by its `.`, and one by each folder's `..`. */
function isLeaf(folder: string): boolean {
  try {
    return statSync(folder).nlink === LEAF_LINKS;
  } catch {
    return true;
  }
}
