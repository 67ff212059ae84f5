import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { createGate } from "../gate.ts";

/** Files that are read at the same time; more would only make each wait longer. */
export const DIGEST_JOBS_MAX = 2;
/** Bytes read and hashed in one go, under a millisecond of the event loop. */
const CHUNK_BYTES = 256 * 1024;

export type Digest = { readonly sha256: string; readonly md5: string };

/** Hashes files a chunk at a time, at most `DIGEST_JOBS_MAX` together. */
export function createDigester(): (file: FileHandle) => Promise<Digest> {
  const gate = createGate(DIGEST_JOBS_MAX);
  return (file) => gate(() => digestOf(file));
}

async function digestOf(file: FileHandle): Promise<Digest> {
  const sha256 = createHash("sha256");
  const md5 = createHash("md5");
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    sha256.update(buffer.subarray(0, bytesRead));
    md5.update(buffer.subarray(0, bytesRead));
  }
  return { sha256: sha256.digest("hex"), md5: md5.digest("hex") };
}

/** Whether two looks at one file saw the same content, as far as the file system tells. */
export function isUnchanged(before: BigIntStats, after: BigIntStats): boolean {
  return (
    before.ino === after.ino &&
    before.dev === after.dev &&
    before.size === after.size &&
    before.mtimeNs === after.mtimeNs &&
    before.ctimeNs === after.ctimeNs
  );
}
