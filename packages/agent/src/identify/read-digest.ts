import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { DIGEST_BYTES_MAX, type Digest, type Digester, isUnchanged, type Waiter } from "./digest.ts";
import type { DigestCache } from "./digest-cache.ts";
import { type Clock, isYoung } from "./execution.ts";

export type DigestTools = {
  readonly digester: Digester;
  readonly cache: DigestCache;
  readonly clock: Clock;
};

/** A content that is being read, so that many first processes of one program wait for one reading. */
type Reading = { readonly digest: Promise<Digest | null>; readonly wanted: (() => boolean)[] };

/** What the agent reads of its own accord. */
const ITSELF: Waiter = { tenant: "", isWanted: () => true };

const readings = new WeakMap<DigestTools, Map<string, Reading>>();

/**
 * A file's digests, from the cache where this content was read before; null where it is too large to be read. What
 * changed within the last two seconds is read again each time: it may change once more without a new change time.
 * Throws where it can't be read, or where nobody wants a large one any more.
 */
export async function readDigest(
  file: FileHandle,
  before: BigIntStats,
  tools: DigestTools,
  waiter: Waiter = ITSELF,
): Promise<Digest | null> {
  const { tenant, isWanted } = waiter;
  const key = `${before.dev}:${before.ino}:${before.ctimeNs}:${before.size}`;
  const cached = tools.cache.get(key);
  if (cached !== undefined) return cached;
  if (before.size > DIGEST_BYTES_MAX) return null;
  if (isYoung(before.ctimeNs, tools.clock)) return tools.digester.digestOf(file, before, waiter);
  // Each tenant for himself: he may have much else to be read.
  const sharedKey = `${tenant} ${key}`;
  const shared = readings.get(tools) ?? new Map<string, Reading>();
  readings.set(tools, shared);
  for (let begun = shared.get(sharedKey); begun !== undefined; begun = shared.get(sharedKey)) {
    begun.wanted.push(isWanted);
    // Who began it may have failed for reasons of its own, such as a closed file.
    const found = await begun.digest.catch(() => undefined);
    if (found !== undefined) return found;
  }
  const wanted = [isWanted];
  const all = { tenant, isWanted: () => wanted.some((one) => one()) };
  const digest = tools.digester.digestOf(file, before, all).finally(() => shared.delete(sharedKey));
  shared.set(sharedKey, { digest, wanted });
  const found = await digest;
  const after = await file.stat({ bigint: true });
  if (found !== null && isUnchanged(before, after)) tools.cache.set(key, found);
  return found;
}

/** Reads files ahead, so that the first process that runs them is known at once. What can't be read is passed over. */
export async function warmDigests(paths: Iterable<string>, tools: DigestTools): Promise<void> {
  for (const path of paths) {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
    if (file === undefined) continue;
    try {
      const stat = await file.stat({ bigint: true });
      if (stat.isFile()) await readDigest(file, stat, tools).catch(() => null);
    } finally {
      await file.close();
    }
  }
}
