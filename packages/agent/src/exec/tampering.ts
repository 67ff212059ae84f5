import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { ProcessIdentity } from "@ringwall/model";
import type { Digest } from "../identify/digest.ts";
import type { FileTools } from "../identify/executable-file.ts";
import { readDigest } from "../identify/read-digest.ts";

/** Trusted executables whose files are looked at; what comes later is judged when it is executed. */
export const TRUSTED_FILES_MAX = 4096;
/** Reports that wait to be sent; past it they are counted as lost. */
export const TAMPERINGS_WAITING_MAX = 1024;

export type Tampering = {
  readonly path: string;
  readonly sha256Before: string;
  /** Null where the change was refused, or the file is too large now to be read. */
  readonly sha256After: string | null;
  readonly process: ProcessIdentity | null;
  readonly refused: boolean;
  /** Not the file, but a process that runs it. */
  readonly inMemory?: true;
  readonly timeNs: bigint;
};

/** The file whose content a rule allows, by its place and its change time. */
type Trusted = { sha256: string; place: string };

export type TamperWatch = {
  /** A rule allows this content to run from this path. */
  readonly trust: (path: string, inode: bigint, sha256: string) => Promise<void>;
  /** Looks at every trusted file whose change time has moved. */
  readonly look: () => Promise<void>;
  /** The kernel saw, or refused, a change. */
  readonly add: (tampering: Tampering) => void;
  readonly forget: () => void;
  readonly take: () => readonly Tampering[];
  readonly lost: () => bigint;
};

/**
 * Tells of trusted executables that were changed by anything but a package. `isListed`: a rule names the new digest.
 * Works on every kernel, some seconds afterwards; with LSM the kernel tells, and refuses, at once.
 */
export function createTamperWatch(
  tools: FileTools,
  nowNs: () => bigint,
  isListed: (sha256: string) => boolean,
): TamperWatch {
  const trusted = new Map<string, Trusted>();
  let waiting: Tampering[] = [];
  let lost = 0n;

  function add(tampering: Tampering): void {
    if (waiting.length >= TAMPERINGS_WAITING_MAX) lost++;
    else waiting.push(tampering);
  }

  async function lookAt(path: string, file: Trusted): Promise<void> {
    const now = await placeOf(path);
    // Gone is not changed: nothing can be executed there.
    if (now === undefined || now.place === file.place) return;
    const digest = await digestOf(path, tools);
    if (digest === undefined) return;
    const before = file.sha256;
    trusted.set(path, { sha256: digest?.sha256 ?? before, place: now.place });
    if (digest !== null && (await isRight(path, digest, before))) return;
    const found = { path, sha256Before: before, sha256After: digest?.sha256 ?? null };
    add({ ...found, process: null, refused: false, timeNs: nowNs() });
  }

  async function isRight(path: string, digest: Digest, before: string): Promise<boolean> {
    if (digest.sha256 === before || isListed(digest.sha256)) return true;
    return (await tools.packages.find(path, digest)) !== null;
  }

  return {
    trust: async (path, inode, sha256) => {
      if (trusted.has(path) || trusted.size >= TRUSTED_FILES_MAX) return;
      const now = await placeOf(path);
      // A file of the same name in a container is another one.
      if (now?.inode === inode) trusted.set(path, { sha256, place: now.place });
    },
    look: async () => {
      for (const [path, file] of [...trusted]) await lookAt(path, file);
    },
    add,
    forget: () => trusted.clear(),
    take: () => {
      const taken = waiting;
      waiting = [];
      return taken;
    },
    lost: () => lost,
  };
}

async function placeOf(
  path: string,
): Promise<{ readonly inode: bigint; readonly place: string } | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found === undefined) return undefined;
  return { inode: found.ino, place: `${found.dev}:${found.ino}:${found.ctimeNs}` };
}

/** Undefined where it can't be read: the next look tries again. */
async function digestOf(path: string, tools: FileTools): Promise<Digest | null | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    return await readDigest(file, await file.stat({ bigint: true }), tools).catch(() => undefined);
  } finally {
    await file.close();
  }
}
