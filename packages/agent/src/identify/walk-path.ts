import type { BigIntStats } from "node:fs";
import { lstat, readlink, stat as statOf } from "node:fs/promises";
import { decodeText } from "../kernel/decode-text.ts";

/** Symbolic links followed in one path, as in the kernel (ELOOP). */
export const SYMLINKS_MAX = 40;

export type WalkedPath = {
  /** In the process's root, without symbolic links. */
  readonly path: string;
  readonly stat: BigIntStats;
  /** When the way to the file last changed: a symbolic link that was followed, or a folder that was moved. */
  readonly wayChangedNs: bigint;
};

/**
 * Follows a path as a process with this root would: an absolute link starts again at *its* root, never at ours, or a
 * container could point at a file of the host that it never read. Undefined where there is nothing,
 * and for names that are no UTF-8: Node.js would open another file.
 */
export async function walkPath(root: string, path: string): Promise<WalkedPath | undefined> {
  if (!isPath(path)) return undefined;
  let links = 0;
  let wayChangedNs = 0n;
  /** Change times of the root and of each folder in `at`. */
  let changed = [await changeTime(root)];
  const rest = path.split("/").reverse();
  let at: string[] = [];
  let stat: BigIntStats | undefined;
  while (rest.length > 0) {
    const part = rest.pop();
    if (part === undefined || part === "" || part === ".") continue;
    if (part === "..") {
      at.pop();
      if (changed.length > 1) changed.pop();
      stat = undefined;
      continue;
    }
    const here = `${root}/${[...at, part].join("/")}`;
    const found = await lstat(here, { bigint: true }).catch(() => undefined);
    if (found === undefined) return undefined;
    if (!found.isSymbolicLink()) {
      at.push(part);
      stat = found;
      if (found.isDirectory()) wayChangedNs = latest(wayChangedNs, movedNs(found.ctimeNs, changed.at(-1)));
      changed.push(found.ctimeNs);
      continue;
    }
    const target = links++ < SYMLINKS_MAX ? await linkTarget(here) : undefined;
    if (target === undefined || !isPath(target)) return undefined;
    wayChangedNs = latest(wayChangedNs, found.ctimeNs);
    if (target.startsWith("/")) {
      at = [];
      changed = changed.slice(0, 1);
    }
    rest.push(...target.split("/").reverse());
  }
  return stat === undefined ? undefined : { path: `/${at.join("/")}`, stat, wayChangedNs };
}

/**
 * A folder that takes another's place changes itself and the folder it lies in, a file written into it only itself: so
 * it was not moved later than the earlier of both.
 */
function movedNs(folderNs: bigint, parentNs = 0n): bigint {
  return folderNs < parentNs ? folderNs : parentNs;
}

function latest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

async function changeTime(folder: string): Promise<bigint> {
  return (await statOf(`${folder}/`, { bigint: true }).catch(() => undefined))?.ctimeNs ?? 0n;
}

function isPath(path: string): boolean {
  return path.isWellFormed() && !path.includes("\0");
}

function linkTarget(path: string): Promise<string | undefined> {
  return readlink(path, "buffer").then(decodeText, () => undefined);
}
