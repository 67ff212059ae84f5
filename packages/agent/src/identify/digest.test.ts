import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createDigester,
  DIGEST_BYTES_MAX,
  type Digester,
  UNWANTED_BYTES_MAX,
  type Waiter,
} from "./digest.ts";
import { openDigestCache } from "./digest-cache.ts";
import { type DigestTools, readDigest } from "./read-digest.ts";

const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;

let folder: string;
let digester: Digester;
let files: FileHandle[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringwall-digest-"));
  digester = createDigester();
  files = [];
});
afterEach(async () => {
  digester.stop();
  for (const file of files) await file.close();
  await rm(folder, { recursive: true });
});

/** A file of nothing but holes, which takes as long as any other. */
async function sparse(bytes: number): Promise<FileHandle> {
  const file = await open(join(folder, `${files.length}`), "w+");
  files.push(file);
  await file.truncate(bytes);
  return file;
}

function waiter(isWanted = () => true, tenant = ""): Waiter {
  return { tenant, isWanted };
}

/** Begins to read one; `how` it ended is undefined until it has. */
async function begin(bytes: number, uid: bigint, isWanted = () => true, tenant = "") {
  const file = await sparse(bytes);
  const reading: { how?: "read" | "too large" | "failed"; ended: Promise<void> } = {
    ended: Promise.resolve(),
  };
  reading.ended = digester.digestOf(file, { size: BigInt(bytes), uid }, waiter(isWanted, tenant)).then(
    (digest) => {
      reading.how = digest === null ? "too large" : "read";
    },
    () => {
      reading.how = "failed";
    },
  );
  return reading;
}

describe("files that are hashed", () => {
  test("a small one does not wait for large ones that were begun before it", async () => {
    const large = await Promise.all(Array.from({ length: 8 }, () => begin(8 * GIBIBYTE, 0n)));
    const small = await begin(4 * MEBIBYTE, 0n);
    await small.ended;
    expect([small.how, ...large.map(({ how }) => how)]).toEqual(["read", ...large.map(() => undefined)]);
  });

  test("one owner's many don't hold up another's, though his are larger", async () => {
    const many = await Promise.all(Array.from({ length: 60 }, () => begin(4 * MEBIBYTE, 1n)));
    const other = await begin(24 * MEBIBYTE, 2n);
    await other.ended;
    expect(other.how).toBe("read");
    expect(many.filter(({ how }) => how !== undefined).length).toBeLessThan(20);
  });

  test("nor do a container's, whoever they are said to belong to, hold up another's of the same owner", async () => {
    const owners = Array.from({ length: 60 }, (_, i) => BigInt(i));
    const many = await Promise.all(owners.map((uid) => begin(4 * MEBIBYTE, uid, undefined, "a")));
    const other = await begin(24 * MEBIBYTE, 0n, undefined, "b");
    await other.ended;
    expect(other.how).toBe("read");
    expect(many.filter(({ how }) => how !== undefined).length).toBeLessThan(20);
  });

  test("one that is larger than it said, or grows, is left at the limit", async () => {
    const file = await sparse(3 * MEBIBYTE);
    const said = { size: 1n, uid: 0n };
    expect(await createDigester(2 * MEBIBYTE).digestOf(file, said, waiter())).toBeNull();
    expect(await createDigester(3 * MEBIBYTE).digestOf(file, said, waiter())).not.toBeNull();
  });

  test("a large one is left once nobody waits for it, a smaller one is read to its end", async () => {
    let wanted = true;
    const large = await begin(UNWANTED_BYTES_MAX + 1, 0n, () => wanted);
    const smaller = await begin(32 * MEBIBYTE, 0n, () => false);
    await smaller.ended;
    expect([large.how, smaller.how]).toEqual([undefined, "read"]);
    wanted = false;
    await large.ended;
    expect(large.how).toBe("failed");
  });

  test("what is under way at the end of the agent is left, and nothing more is begun", async () => {
    const large = await Promise.all(Array.from({ length: 5 }, () => begin(8 * GIBIBYTE, 0n)));
    digester.stop();
    const later = await begin(1, 0n);
    for (const { ended } of [...large, later]) await ended;
    expect([...large, later].map(({ how }) => how)).toEqual(Array.from({ length: 6 }, () => "failed"));
  });
});

describe("a file's digest", () => {
  const wall = () => BigInt(Date.now()) * 1_000_000n + 3_600_000_000_000n;
  const tools = (): DigestTools => ({
    digester,
    cache: openDigestCache(folder),
    clock: { bootNs: () => 0n, wallNs: wall },
  });

  test("is none where the file is too large, without a look at it", async () => {
    const file = await sparse(DIGEST_BYTES_MAX + 1);
    digester.stop();
    expect(await readDigest(file, await file.stat({ bigint: true }), tools())).toBeNull();
  });

  test("does not wait for what another container has to be read beside the same file", async () => {
    const shared = tools();
    const many = await Promise.all(Array.from({ length: 60 }, () => begin(4 * MEBIBYTE, 0n, undefined, "a")));
    const file = await sparse(24 * MEBIBYTE);
    const stat = await file.stat({ bigint: true });
    const begun = readDigest(file, stat, shared, waiter(undefined, "a"));
    expect(await readDigest(file, stat, shared, waiter(undefined, "b"))).not.toBeNull();
    expect(many.filter(({ how }) => how !== undefined).length).toBeLessThan(20);
    await begun;
  });

  test("is read on while one of several waits for it, also where he who began it does not", async () => {
    const file = await sparse(UNWANTED_BYTES_MAX + MEBIBYTE);
    const stat = await file.stat({ bigint: true });
    const shared = tools();
    let begun = true;
    const first = readDigest(
      file,
      stat,
      shared,
      waiter(() => begun),
    );
    const second = readDigest(file, stat, shared, waiter());
    await sleep(20);
    begun = false;
    const found = await Promise.all([first, second]);
    expect(found[0]?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(found[1]).toEqual(found[0]);
  });
});
