import { constants } from "node:fs";
import { type FileHandle, open, readlink } from "node:fs/promises";
import { basename } from "node:path";
import { isEssentialExec, type StartedFile } from "@ringwall/policy/lower";
import { isUnchanged, type Waiter } from "../identify/digest.ts";
import type { FileTools } from "../identify/executable-file.ts";
import { isYoung } from "../identify/execution.ts";
import { interpreterOf } from "../identify/interpreters/resolve-script.ts";
import { readDigest } from "../identify/read-digest.ts";
import type { FileKey } from "../kernel/contract.ts";

/** Dynamic loaders of glibc and musl. */
const LOADER = /^ld(?:-linux|-musl)?[-\w.]*\.so(?:\.\d+)*$|^ld64\.so\.\d$/;

export type LookedAt = {
  readonly file: StartedFile;
  /** The digest stands for the file until its change time moves. */
  readonly lasting: boolean;
};

/**
 * What a process ran that was gone before anybody could look at it: the file of that name, if it is still the one that
 * the kernel executed; undefined where it is not, where the name is relative, or where it is too large to be read for
 * nobody who waits.
 */
export async function lookBack(
  path: string,
  key: FileKey,
  tools: FileTools,
  tenant: string,
): Promise<LookedAt | undefined> {
  if (!path.startsWith("/")) return undefined;
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { ino, ctimeNs } = await handle.stat({ bigint: true });
    if (ino !== key.inode || ctimeNs !== key.ctimeNs) return undefined;
    // By its own name, as others of the same file are known, and not by a link's.
    const name = await readlink(`/proc/self/fd/${handle.fd}`);
    const waiter = { tenant, isWanted: () => false };
    return await lookAtOpen(name, handle, tools, waiter).catch(() => undefined);
  } finally {
    await handle.close();
  }
}

/** What a file is that is about to be executed; `path` leads to it through somebody's open descriptor. */
export async function lookAtFile(path: string, tools: FileTools, tenant: string): Promise<LookedAt> {
  const name = await readlink(path);
  const handle = await open(path, constants.O_RDONLY);
  try {
    return await lookAtOpen(name, handle, tools, { tenant, isWanted: () => true });
  } finally {
    await handle.close();
  }
}

async function lookAtOpen(
  name: string,
  handle: FileHandle,
  tools: FileTools,
  waiter: Waiter,
): Promise<LookedAt> {
  const before = await handle.stat({ bigint: true });
  const digest = await readDigest(handle, before, tools, waiter);
  const after = await handle.stat({ bigint: true });
  const whole = digest !== null && isUnchanged(before, after) && after.nlink > 0n;
  const owner = whole ? await tools.packages.findKnown(name, digest) : null;
  const isLoader = LOADER.test(basename(name));
  const file: StartedFile = {
    path: name,
    sha256: whole ? digest.sha256 : null,
    package: owner?.package ?? null,
    evidence: owner?.evidence ?? null,
    ...(owner === null || owner.supersedes.length === 0 ? {} : { supersedes: owner.supersedes }),
    interpreter: !isLoader && interpreterOf(name) !== undefined,
    loader: isLoader,
    essential: whole && isEssentialExec(name) && (await digestHere(name, tools)) === digest.sha256,
  };
  return { file, lasting: whole && !isYoung(after.ctimeNs, tools.clock) };
}

/** The digest of this host's own file of that name: a container may call its own files what it likes. */
export async function digestHere(path: string, tools: FileTools): Promise<string | null> {
  const handle = await open(path, constants.O_RDONLY).catch(() => undefined);
  if (handle === undefined) return null;
  try {
    return (await readDigest(handle, await handle.stat({ bigint: true }), tools))?.sha256 ?? null;
  } finally {
    await handle.close();
  }
}
