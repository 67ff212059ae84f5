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

/** Contents that are being read, so that many first processes of one program wait for one reading. */
const reading = new WeakMap<DigestTools, Map<string, Promise<Digest>>>();

/**
 * A file's digests, from the cache where this content was read before. What changed within the last two seconds is
 * read again each time: it may change once more without a new change time.
 */
export async function readDigest(file: FileHandle, before: BigIntStats, tools: DigestTools): Promise<Digest> {
  const key = `${before.dev}:${before.ino}:${before.ctimeNs}:${before.size}`;
  const cached = tools.cache.get(key);
  if (cached !== undefined) return cached;
  if (isYoung(before.ctimeNs, tools.clock)) return tools.digestOf(file);
  const shared = reading.get(tools) ?? new Map<string, Promise<Digest>>();
  reading.set(tools, shared);
  const begun = shared.get(key);
  // Who began it may have failed for reasons of its own, such as a closed file.
  const found = await begun?.catch(() => undefined);
  if (found !== undefined) return found;
  const digest = tools.digestOf(file);
  shared.set(key, digest);
  try {
    const after = await digest.then(() => file.stat({ bigint: true }));
    if (isUnchanged(before, after)) tools.cache.set(key, await digest);
    return await digest;
  } finally {
    shared.delete(key);
  }
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
