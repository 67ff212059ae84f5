import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type Digest, isUnchanged } from "./digest.ts";
import type { DigestCache } from "./digest-cache.ts";
import { type Clock, isYoung } from "./execution.ts";

export type DigestTools = {
  readonly digestOf: (file: FileHandle) => Promise<Digest>;
  readonly cache: DigestCache;
  readonly clock: Clock;
};

/**
 * A file's digests, from the cache where this content was read before. What changed within the last two seconds is
 * read again each time: it may change once more without a new change time.
 */
export async function readDigest(file: FileHandle, before: BigIntStats, tools: DigestTools): Promise<Digest> {
  const key = `${before.dev}:${before.ino}:${before.ctimeNs}:${before.size}`;
  const cached = tools.cache.get(key);
  if (cached !== undefined) return cached;
  const digest = await tools.digestOf(file);
  const after = await file.stat({ bigint: true });
  if (isUnchanged(before, after) && !isYoung(after.ctimeNs, tools.clock)) tools.cache.set(key, digest);
  return digest;
}

/** Reads files ahead, so that the first process that runs them is known at once. What can't be read is passed over. */
export async function warmDigests(paths: Iterable<string>, tools: DigestTools): Promise<void> {
  for (const path of paths) {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
    if (file === undefined) continue;
    try {
      const stat = await file.stat({ bigint: true });
      if (stat.isFile()) await readDigest(file, stat, tools);
    } finally {
      await file.close();
    }
  }
}
