import { createHash } from "node:crypto";
import { constants, statSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { givenUp } from "../end.ts";
import { findSigned } from "./apt-chain.ts";
import type { EvidenceBook } from "./evidence-book.ts";
import { streamTool, type ToolEnvironment } from "./run-tool.ts";
import { readTarDigests } from "./tar-digests.ts";

/** Packages of one apt run that are looked at together; the others follow. */
export const DEBS_AT_ONCE = 256;
/** Files of one package whose digests are kept. */
export const FILES_PER_PACKAGE_MAX = 20_000;
/** What may run: executable, or a script by its suffix. */
export const PROGRAM_FILE = /\.(?:py|pyc|js|mjs|cjs|rb|pl|pm|php|sh|jar|class|tcl|lua)$/;

export type CollectCounts = { captured: number; unsigned: number; failed: number };

export type DebCollector = {
  /** Looks at what the hook has left since; done when all of it is in the book or known to be unsigned. */
  readonly settle: () => Promise<void>;
  readonly counts: () => Readonly<CollectCounts>;
};

/**
 * Turns the .deb files that the hook kept (`spool`) into evidence, and removes them. A file there is anybody's until its
 * digest is found in a signed index; it is read through one private copy, so that who still owns it can't exchange it.
 */
export function createDebCollector(
  spool: string,
  book: EvidenceBook,
  environment: ToolEnvironment = {},
  nowMs: () => number = Date.now,
): DebCollector {
  const counts: CollectCounts = { captured: 0, unsigned: 0, failed: 0 };
  let running: Promise<void> | undefined;
  let emptyMtimeMs = -1;

  async function collect(): Promise<void> {
    for (;;) {
      const before = changedMs(spool);
      if (before === emptyMtimeMs) return;
      const names = (await readdir(spool).catch(() => [])).filter((name) => name.endsWith(".deb"));
      if (names.length === 0) {
        emptyMtimeMs = before;
        return;
      }
      await collectBatch(names.slice(0, DEBS_AT_ONCE));
    }
  }

  async function collectBatch(names: readonly string[]): Promise<void> {
    const copies = join(spool, "..", "debs-at-work");
    await rm(copies, { recursive: true, force: true });
    await mkdir(copies, { mode: 0o700 });
    try {
      const digests = new Map<string, string>();
      for (const name of names) {
        const sha256 = await copyPrivately(join(spool, name), join(copies, name));
        if (sha256 !== undefined && !book.has(sha256)) digests.set(sha256, join(copies, name));
      }
      const signed = await findSigned(new Set(digests.keys()), environment);
      for (const [debSha256, copy] of digests) {
        const found = signed.get(debSha256);
        if (found === undefined) counts.unsigned++;
        else {
          const files = await digestsOf(copy, environment);
          await book.add({ ...found, debSha256, capturedMs: nowMs(), files });
          counts.captured++;
        }
      }
    } catch {
      counts.failed += names.length;
    } finally {
      // Those that were given up stay for the next agent.
      if (!givenUp.aborted) for (const name of names) await rm(join(spool, name), { force: true });
      await rm(copies, { recursive: true, force: true });
    }
    givenUp.throwIfAborted();
  }

  return {
    counts: () => counts,
    settle: () => {
      running ??= collect().finally(() => {
        running = undefined;
      });
      return running;
    },
  };
}

/** When something came into or left a folder; -1 without one. Asked once a second: a thread would cost more than the look. */
function changedMs(folder: string): number {
  try {
    return statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? -1;
  } catch {
    return -1;
  }
}

/** Copies a regular file and gives the digest of the copy; undefined for what is none. */
async function copyPrivately(from: string, to: string): Promise<string | undefined> {
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => undefined,
  );
  if (source === undefined) return undefined;
  let target: FileHandle | undefined;
  try {
    if (!(await source.stat()).isFile()) return undefined;
    target = await open(to, "wx", 0o600);
    const hash = createHash("sha256");
    for await (const chunk of source.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 })) {
      hash.update(chunk);
      await target.write(chunk);
    }
    return hash.digest("hex");
  } finally {
    await target?.close();
    await source.close();
  }
}

async function digestsOf(deb: string, environment: ToolEnvironment): Promise<Record<string, string>> {
  const files: [string, string][] = [];
  const archive = streamTool("dpkg-deb", ["--fsys-tarfile", deb], environment);
  for await (const { path, sha256, executable } of readTarDigests(archive)) {
    if (files.length >= FILES_PER_PACKAGE_MAX) break;
    if (executable || PROGRAM_FILE.test(path)) files.push([path, sha256]);
  }
  return Object.fromEntries(files);
}
