import type { BigIntStats } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { decodeText } from "../kernel/decode-text.ts";

/** Symbolic links followed in one path, as in the kernel (ELOOP). */
export const SYMLINKS_MAX = 40;

export type WalkedPath = {
  /** In the process's root, without symbolic links. */
  readonly path: string;
  readonly stat: BigIntStats;
  /** The latest change time of a symbolic link that was followed; 0 where none was. */
  readonly linksChangedNs: bigint;
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
  const rest = path.split("/").reverse();
  let at: string[] = [];
  let stat: BigIntStats | undefined;
  while (rest.length > 0) {
    const part = rest.pop();
    if (part === undefined || part === "" || part === ".") continue;
    if (part === "..") {
      at.pop();
      stat = undefined;
      continue;
    }
    const here = `${root}/${[...at, part].join("/")}`;
    const found = await lstat(here, { bigint: true }).catch(() => undefined);
    if (found === undefined) return undefined;
    if (!found.isSymbolicLink()) {
      at.push(part);
      stat = found;
      continue;
    }
    const target = links++ < SYMLINKS_MAX ? await linkTarget(here) : undefined;
    if (target === undefined || !isPath(target)) return undefined;
    if (found.ctimeNs > linksChangedNs) linksChangedNs = found.ctimeNs;
    if (target.startsWith("/")) at = [];
    rest.push(...target.split("/").reverse());
  }
  return stat === undefined ? undefined : { path: `/${at.join("/")}`, stat, linksChangedNs };
}

function isPath(path: string): boolean {
  return path.isWellFormed() && !path.includes("\0");
}

function linkTarget(path: string): Promise<string | undefined> {
  return readlink(path, "buffer").then(decodeText, () => undefined);
}
