import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { appendOwnSync } from "../state/own-files.ts";
import { saveFile } from "../state/save-file.ts";
import type { Digest } from "./digest.ts";

/** Files whose digests are remembered; past it the older half is forgotten. */
export const DIGEST_CACHE_MAX = 16_384;

/** Digests by a key that changes with the content; kept on disk, so that a restart hashes nothing again. */
export type DigestCache = {
  readonly get: (key: string) => Digest | undefined;
  readonly set: (key: string, digest: Digest) => void;
  readonly compact: () => Promise<void>;
};

/** Lines are `KEY SHA256 MD5`; a torn last line is passed over. */
export function openDigestCache(stateDir: string, entriesMax = DIGEST_CACHE_MAX): DigestCache {
  const file = join(stateDir, "digests.txt");
  const entries = new Map<string, Digest>();
  for (const line of readLines(file)) {
    const match = /^([0-9:]+) ([0-9a-f]{64}) ([0-9a-f]{32})$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) continue;
    entries.set(match[1], { sha256: match[2], md5: match[3] });
  }

  function forgetOlderHalf(): void {
    let surplus = entries.size - Math.floor(entriesMax / 2);
    for (const key of entries.keys()) {
      if (surplus-- <= 0) break;
      entries.delete(key);
    }
  }

  return {
    get: (key) => entries.get(key),
    set: (key, digest) => {
      entries.delete(key);
      entries.set(key, digest);
      if (entries.size > entriesMax) forgetOlderHalf();
      // Without waiting for the disk: losing the line (a full disk, a kill) costs hashing the file once more.
      try {
        const line = `${key} ${digest.sha256} ${digest.md5}\n`;
        appendOwnSync(file, () => appendFileSync(file, line, { mode: 0o600 }));
      } catch {
        return;
      }
    },
    compact: async () => {
      let text = "";
      for (const [key, digest] of entries) text += `${key} ${digest.sha256} ${digest.md5}\n`;
      await saveFile(file, text, 0o600);
    },
  };
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}
