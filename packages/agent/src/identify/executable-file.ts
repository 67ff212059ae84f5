import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { FileKey } from "../kernel/contract.ts";
import { isNoFile } from "../kernel/proc-tasks.ts";
import { isUnchanged } from "./digest.ts";
import { type Execution, isOlderThan, isYoung } from "./execution.ts";
import type { ExecutableFacts } from "./identity-book.ts";
import type { PackageLookup } from "./packages.ts";
import { readProcLink } from "./proc.ts";
import { type DigestTools, readDigest } from "./read-digest.ts";

export type ExecutableFile = {
  readonly facts: ExecutableFacts;
  /** The kernel may take the file's key for these facts from now on. */
  readonly lasting: boolean;
};

export type FileTools = DigestTools & { readonly packages: PackageLookup };

/** Newer kernels keep a flag in bit 31 of the nanoseconds. */
const CTIME_FLAG_NS = 1n << 31n;

/** One text for each content that the kernel may name. */
export function fileKeyText(key: FileKey): string {
  return `${key.device}:${key.inode}:${key.ctimeNs}:${key.generation}`;
}

/** A process's executable, opened while it certainly ran it: what is read from here on can't be another program's. */
export type OpenExecutable = { readonly path: string; readonly file: FileHandle };

/** Undefined where the process has gone. */
export async function openExecutable(tgid: number): Promise<OpenExecutable | undefined> {
  const file = await open(`/proc/${tgid}/exe`, constants.O_RDONLY).catch(() => undefined);
  if (file === undefined) return undefined;
  const path = await readProcLink(tgid, "exe");
  if (path !== undefined) return { path, file };
  await file.close();
  return undefined;
}

/** Finds out what an execution runs from its opened file. */
export async function identifyExecutable(
  execution: Execution,
  { path, file }: OpenExecutable,
  tools: FileTools,
  isWanted: () => boolean,
): Promise<ExecutableFile> {
  const { file: key } = execution;
  const before = await file.stat({ bigint: true });
  const digest = await readDigest(file, before, tools, { tenant: execution.tenant, isWanted });
  const after = await file.stat({ bigint: true });
  const unlinked = after.nlink === 0n;
  const unattributable = unlinked ? (path.startsWith("/memfd:") ? "memfd" : "deleted") : null;
  const plainPath = unlinked ? path.replace(/ \(deleted\)$/, "") : path;

  // Either the kernel's change time is still the file's, or (overlays show another) nothing changed since the exec.
  const sameKey =
    after.ino === key.inode && (after.ctimeNs & ~CTIME_FLAG_NS) === (key.ctimeNs & ~CTIME_FLAG_NS);
  const trusted =
    isUnchanged(before, after) && (sameKey || isOlderThan(execution, after.ctimeNs, tools.clock));
  const lasting = trusted && !unlinked && !isNoFile(key) && !isYoung(after.ctimeNs, tools.clock);
  if (!trusted || digest === null) {
    const facts = {
      exe: plainPath,
      exeSha256: null,
      package: null,
      evidence: null,
      unattributable: unattributable ?? (trusted ? "oversized" : "deleted"),
    } as const;
    return { facts, lasting: false };
  }
  const owner = unlinked ? null : await tools.packages.find(plainPath, digest);
  const facts: ExecutableFacts = {
    exe: plainPath,
    exeSha256: digest.sha256,
    package: owner?.package ?? null,
    evidence: owner?.evidence ?? null,
    ...(owner === null || owner.supersedes.length === 0 ? {} : { supersedes: owner.supersedes }),
    unattributable,
  };
  return { facts, lasting };
}
