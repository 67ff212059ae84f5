import type { BigIntStats } from "node:fs";
import { lstat, readlink, stat as statOf } from "node:fs/promises";
import { decodeText } from "../kernel/decode-text.ts";

/** Symbolic links followed in one path, as in the kernel (ELOOP). */
export const SYMLINKS_MAX = 40;

const STICKY = 0o1000n;
const OTHERS_WRITE = 0o022n;

export type WalkedPath = {
  /** In the process's root, without symbolic links. */
  readonly path: string;
  readonly stat: BigIntStats;
  /** When a symbolic link that was followed last changed. */
  readonly linksChangedNs: bigint;
  /** No folder on the way took another's place later, by other hands than root's. */
  readonly foldersMovedNs: bigint;
};

/**
 * Follows a path as a process with this root would: an absolute link starts again at *its* root, never at ours, or a
 * container could point at a file of the host that it never read. Undefined where there is nothing,
 * and for names that are no UTF-8: Node.js would open another file.
 */
export async function walkPath(root: string, path: string): Promise<WalkedPath | undefined> {
  if (!isPath(path)) return undefined;
  let links = 0;
  let linksChangedNs = 0n;
  let foldersMovedNs = 0n;
  /** The root and each folder in `at`. */
  let way = [await statOf(`${root}/`, { bigint: true }).catch(() => undefined)];
  const rest = path.split("/").reverse();
  let at: string[] = [];
  let stat: BigIntStats | undefined;
  while (rest.length > 0) {
    const part = rest.pop();
    if (part === undefined || part === "" || part === ".") continue;
    if (part === "..") {
      at.pop();
      if (way.length > 1) way.pop();
      stat = undefined;
      continue;
    }
    const here = `${root}/${[...at, part].join("/")}`;
    const found = await lstat(here, { bigint: true }).catch(() => undefined);
    if (found === undefined) return undefined;
    if (!found.isSymbolicLink()) {
      at.push(part);
      stat = found;
      if (found.isDirectory()) foldersMovedNs = latest(foldersMovedNs, movedNs(found, way.at(-1)));
      way.push(found);
      continue;
    }
    const target = links++ < SYMLINKS_MAX ? await linkTarget(here) : undefined;
    if (target === undefined || !isPath(target)) return undefined;
    linksChangedNs = latest(linksChangedNs, found.ctimeNs);
    if (target.startsWith("/")) {
      at = [];
      way = way.slice(0, 1);
    }
    rest.push(...target.split("/").reverse());
  }
  return stat === undefined ? undefined : { path: `/${at.join("/")}`, stat, linksChangedNs, foldersMovedNs };
}

/**
 * A folder that takes another's place changes itself and the folder it lies in, a file written into it only itself: so
 * it was not moved later than the earlier of both. Where only root may move it nobody did who needs to.
 */
function movedNs(folder: BigIntStats, parent: BigIntStats | undefined): bigint {
  if (parent === undefined || !isMovable(folder, parent)) return 0n;
  return folder.ctimeNs < parent.ctimeNs ? folder.ctimeNs : parent.ctimeNs;
}

/** Whether somebody else than root may move this folder; the group's bits stand for access lists too. */
function isMovable(folder: BigIntStats, parent: BigIntStats): boolean {
  if (parent.uid !== 0n) return true;
  const sticky = (parent.mode & STICKY) !== 0n;
  return (parent.mode & OTHERS_WRITE) !== 0n && !(sticky && folder.uid === 0n);
}

export function latest(...times: readonly bigint[]): bigint {
  return times.reduce((a, b) => (a > b ? a : b), 0n);
}

function isPath(path: string): boolean {
  return path.isWellFormed() && !path.includes("\0");
}

function linkTarget(path: string): Promise<string | undefined> {
  return readlink(path, "buffer").then(decodeText, () => undefined);
}
