import { createHash, type Hash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { createTurns } from "./turns.ts";

/** Files that are read at the same time; more would only make each wait longer. */
export const DIGEST_JOBS_MAX = 2;
/** Bytes read and hashed in one go, under a millisecond of the event loop. */
const CHUNK_BYTES = 256 * 1024;
/**
 * Bytes of the largest file that is read, half a minute's work: room for installers that carry their payload and for
 * programs that carry a model, and an end to files that say they have terabytes.
 */
export const DIGEST_BYTES_MAX = 8 * 1024 ** 3;
/**
 * Up to so many bytes a file is read to its end though nobody waits any more: programs that run for a moment only would
 * never be known otherwise.
 */
export const UNWANTED_BYTES_MAX = 512 * 1024 ** 2;
/** Bytes of a larger file between two looks at whether anybody still waits. */
const WANTED_EVERY_BYTES = 16 * 1024 ** 2;

/** Who waits for a file's digest, and whether he still does. */
export type Waiter = { readonly tenant: string; readonly isWanted: () => boolean };

export type Digest = { readonly sha256: string; readonly md5: string };

export type Digester = {
  /**
   * Null for a file of more than `bytesMax`. Throws where it can't be read, where nobody wants it any more, and when
   * `stop` was called.
   */
  readonly digestOf: (
    file: FileHandle,
    stat: Pick<BigIntStats, "size" | "uid">,
    waiter: Waiter,
  ) => Promise<Digest | null>;
  /** Ends what is under way, and reads nothing more. */
  readonly stop: () => void;
};

type Job = {
  readonly file: FileHandle;
  readonly size: number;
  readonly isWanted: () => boolean;
  readonly sha256: Hash;
  readonly md5: Hash;
  bytesRead: number;
  /** Where `isWanted` is asked again. */
  askAt: number;
  readonly resolve: (digest: Digest | null) => void;
  readonly reject: (error: unknown) => void;
};

/** Hashes files a chunk at a time, at most `DIGEST_JOBS_MAX` together; see `createTurns` for whose chunk is next. */
export function createDigester(bytesMax = DIGEST_BYTES_MAX): Digester {
  const turns = createTurns<Job>();
  let workers = 0;
  let stopped = false;

  async function work(): Promise<void> {
    workers++;
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let next = turns.take(); next !== undefined; next = turns.take()) {
      const { owner, job } = next;
      try {
        if (stopped) throw new Error("no file is read any more: the agent ends");
        const digest = await readOn(job, buffer, bytesMax);
        if (digest === undefined) turns.add(owner, job);
        else job.resolve(digest);
      } catch (error) {
        job.reject(error);
      }
    }
    workers--;
  }

  return {
    digestOf: (file, { size, uid }, { tenant, isWanted }) =>
      new Promise((resolve, reject) => {
        const hashes = { sha256: createHash("sha256"), md5: createHash("md5") };
        const job = {
          file,
          size: Number(size),
          isWanted,
          ...hashes,
          bytesRead: 0,
          askAt: 0,
          resolve,
          reject,
        };
        turns.add({ tenant, uid }, job);
        if (workers < DIGEST_JOBS_MAX) void work();
      }),
    stop: () => {
      stopped = true;
    },
  };
}

/** One chunk; undefined where there may be more. */
async function readOn(job: Job, buffer: Buffer, bytesMax: number): Promise<Digest | null | undefined> {
  const { file, sha256, md5 } = job;
  if (isUnwanted(job)) throw new Error("nobody waits for this file any more");
  const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, job.bytesRead);
  if (bytesRead === 0) return { sha256: sha256.digest("hex"), md5: md5.digest("hex") };
  job.bytesRead += bytesRead;
  // What stat says of it need not be true, or not any more.
  if (job.bytesRead > bytesMax) return null;
  const chunk = buffer.subarray(0, bytesRead);
  sha256.update(chunk);
  md5.update(chunk);
  return undefined;
}

function isUnwanted(job: Job): boolean {
  if (Math.max(job.size, job.bytesRead) <= UNWANTED_BYTES_MAX || job.bytesRead < job.askAt) return false;
  job.askAt = job.bytesRead + WANTED_EVERY_BYTES;
  return !job.isWanted();
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
