import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { chmod, link, mkdir, mkdtemp, open, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openEvidenceBook } from "../evidence/evidence-book.ts";
import { createDigester } from "./digest.ts";
import { openDigestCache } from "./digest-cache.ts";
import { openIdentityBook } from "./identity-book.ts";
import { createPackageLookup } from "./packages.ts";
import { parsePasswd } from "./users.ts";
import { walkPath } from "./walk-path.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringwall-identify-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Two folders with a script of one name each, in one with these rights; returns a time after they were made. */
async function twoFolders(mode: number): Promise<bigint> {
  await mkdir(join(folder, "outer/app"), { recursive: true });
  await mkdir(join(folder, "outer/other"));
  for (const name of ["app", "other"]) await writeFile(join(folder, "outer", name, "a.py"), name);
  await chmod(join(folder, "outer"), mode);
  await sleep(30);
  const began = BigInt(Date.now()) * 1_000_000n;
  await sleep(30);
  return began;
}

async function swapFolders(): Promise<void> {
  await rename(join(folder, "outer/app"), join(folder, "outer/was"));
  await rename(join(folder, "outer/other"), join(folder, "outer/app"));
}

describe("walkPath", () => {
  test("an absolute link leads to the process's own root, never to ours", async () => {
    await mkdir(join(folder, "etc"));
    await writeFile(join(folder, "etc", "passwd"), "inside");
    await symlink("/etc/passwd", join(folder, "evil.py"));
    const walked = await walkPath(folder, "/evil.py");
    expect(walked).toMatchObject({ path: "/etc/passwd", stat: { size: 6n } });
    expect(walked?.linksChangedNs).toBeGreaterThan(0n);
  });

  test("tells when a folder on the way took another's place, and takes no written file for that", async () => {
    const began = await twoFolders(0o777);
    await writeFile(join(folder, "outer/app/pid"), "1");
    expect((await walkPath(folder, "/outer/app/a.py"))?.foldersMovedNs).toBeLessThan(began);
    await swapFolders();
    const walked = await walkPath(folder, "/outer/app/a.py");
    expect(walked?.stat.ctimeNs).toBeLessThan(began);
    expect(walked?.foldersMovedNs).toBeGreaterThan(began);
    expect((await walkPath(folder, "/outer/was/../app/a.py"))?.foldersMovedNs).toBeGreaterThan(began);
  });

  test("leaves root's own folders out of that: nobody else may move them", async () => {
    const began = await twoFolders(0o755);
    await swapFolders();
    const moved = (await walkPath(folder, "/outer/app/a.py"))?.foldersMovedNs ?? 0n;
    expect(moved > began).toBe(process.geteuid?.() !== 0);
  });

  test("dots don't leave the root, loops and holes end", async () => {
    await writeFile(join(folder, "a"), "x");
    expect((await walkPath(folder, "/../../../a"))?.path).toBe("/a");
    await symlink("loop", join(folder, "loop"));
    expect(await walkPath(folder, "/loop")).toBeUndefined();
    expect(await walkPath(folder, "/none/a")).toBeUndefined();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (path) => {
        await walkPath(folder, `/${path}`);
      }),
    );
  });
});

describe("the identity book", () => {
  const exe = {
    exe: "/usr/bin/x",
    exeSha256: "a".repeat(64),
    package: null,
    evidence: null,
    unattributable: null,
  };
  const owner = { user: "root", unit: null, container: null, image: null };
  const key = { exeId: 1, scriptId: 0, uid: 0, cgroupId: 12n };

  test("gives the same numbers after a restart, and begins anew for other maps", () => {
    const first = openIdentityBook(folder, "maps-1");
    expect([first.isNew, first.executable(exe), first.executable(exe)]).toEqual([true, 1, 1]);
    const script = {
      script: "/x.py",
      scriptSha256: null,
      unattributable: null,
      environment: ["LD_PRELOAD=x"],
    };
    expect([first.script(script), first.identity(key, owner)]).toEqual([1, { id: 1, isNew: true }]);
    appendFileSync(join(folder, "identities.ndjson"), '{"e":2,"v":"{torn');
    const second = openIdentityBook(folder, "maps-1");
    expect([second.isNew, second.executable(exe), second.script(script)]).toEqual([false, 1, 1]);
    expect(second.identity(key, owner)).toEqual({ id: 1, isNew: false });
    expect(second.processIdentity(1)).toMatchObject({ exe: "/usr/bin/x", user: "root", script: null });
    expect(second.executable({ ...exe, exe: "/usr/bin/y" })).toBe(2);
    expect(openIdentityBook(folder, "maps-1").executableFacts(2)?.exe).toBe("/usr/bin/y");
    expect(openIdentityBook(folder, "maps-2", true).isNew).toBe(true);
    expect(openIdentityBook(folder, "maps-1").isNew).toBe(false);
    expect(openIdentityBook(folder, "maps-2").executableFacts(1)).toBeUndefined();
  });

  test.skipIf(process.getuid?.() !== 0)(
    "on a full disk new numbers are written down all the same, from the reserve",
    () => {
      const small = `${folder}/small`;
      mkdirSync(small);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "small", small]);
      try {
        const book = openIdentityBook(small, "maps-1");
        const ballast = () => writeFileSync(`${small}/ballast`, new Uint8Array(4 << 20));
        expect(ballast).toThrow("ENOSPC");
        openDigestCache(small).set("some file", { sha256: "0".repeat(64), md5: "0".repeat(32) });
        const numbers = Array.from({ length: 500 }, (_, i) =>
          book.executable({ ...exe, exe: `/usr/bin/${i}` }),
        );
        const after = openIdentityBook(small, "maps-1");
        expect(numbers.map((number) => after.executableFacts(number ?? 0)?.exe)).toEqual(
          numbers.map((_, i) => `/usr/bin/${i}`),
        );
      } finally {
        execFileSync("umount", [small]);
      }
    },
  );

  test("a number that was given back is never another's, not after a restart and a journal written anew", () => {
    const at = (cgroupId: number) => ({ ...key, cgroupId: BigInt(cgroupId) });
    const first = openIdentityBook(folder, "maps-1");
    first.executable(exe);
    for (let i = 1; i <= 3; i++) first.identity(at(i), owner);
    first.forget([2, 3]);
    expect([first.find(at(2)), first.processIdentity(2), [...first.keys()].length]).toEqual([
      undefined,
      undefined,
      1,
    ]);
    const second = openIdentityBook(folder, "maps-1");
    expect([second.find(at(1)), second.find(at(3))]).toEqual([1, undefined]);
    expect(second.identity(at(2), owner)).toEqual({ id: 4, isNew: true });
    second.forget([4]);
    second.rewrite();
    expect(openIdentityBook(folder, "maps-1").identity(at(2), owner)).toEqual({ id: 5, isNew: true });
  });

  test("what was given back is not in the journal for long", () => {
    const book = openIdentityBook(folder, "maps-1");
    book.executable(exe);
    const round = (from: number) => {
      const ids = Array.from({ length: 2000 }, (_, i) => {
        const entry = book.identity({ ...key, cgroupId: BigInt(from + i) }, owner);
        return entry?.id ?? 0;
      });
      book.forget(ids);
    };
    for (let i = 0; i < 20; i++) round(i * 2000);
    const lines = readFileSync(join(folder, "identities.ndjson"), "utf8").split("\n");
    expect(lines.length).toBeLessThan(3 * 2000 + 100);
    expect(openIdentityBook(folder, "maps-1").given()).toBe(40_000);
  });

  test("nothing beside the executable is number 0; injected code alone is not nothing", () => {
    const book = openIdentityBook(folder, "maps");
    const none = { script: null, scriptSha256: null, unattributable: null, environment: [] };
    expect(book.script(none)).toBe(0);
    expect(book.script({ ...none, environment: ["LD_PRELOAD=x"] })).toBe(1);
    expect(book.script({ ...none, unattributable: "inline" })).toBe(2);
  });
});

test("the digest cache keeps what it knows, and forgets the older half beyond its limit", () => {
  const digest = { sha256: "a".repeat(64), md5: "b".repeat(32) };
  const cache = openDigestCache(folder, 4);
  for (let i = 0; i < 5; i++) cache.set(`1:${i}:3:4`, digest);
  expect([cache.get("1:0:3:4"), cache.get("1:4:3:4")]).toEqual([undefined, digest]);
  expect(openDigestCache(folder, 4).get("1:4:3:4")).toEqual(digest);
});

test("files are hashed as sha256sum and md5sum do", async () => {
  await writeFile(join(folder, "x"), "abc");
  const file = await open(join(folder, "x"));
  const stat = await file.stat({ bigint: true });
  expect(await createDigester().digestOf(file, stat, { tenant: "", isWanted: () => true })).toEqual({
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    md5: "900150983cd24fb0d6963f7d28e17f72",
  });
  await file.close();
});

test("a package owns a file only while its content is what was shipped", async () => {
  await mkdir(join(folder, "info"));
  await writeFile(join(folder, "status"), "");
  const md5 = "900150983cd24fb0d6963f7d28e17f72";
  await writeFile(join(folder, "info", "bash.md5sums"), `${md5}  bin/bash\n${md5}  usr/share/doc/bash/x\n`);
  await writeFile(join(folder, "info", "libc6:amd64.md5sums"), `${md5}  usr/lib/x86_64-linux-gnu/tool\n`);
  const { find } = createPackageLookup(folder);
  const digest = { sha256: "a".repeat(64), md5 };
  expect((await find("/usr/bin/bash", digest))?.package).toBe("bash");
  expect(await find("/bin/bash", { ...digest, md5: "0".repeat(32) })).toBeNull();
  expect(await find("/usr/lib/x86_64-linux-gnu/tool", digest)).toMatchObject({
    package: "libc6",
    evidence: "manifest-only",
  });
  expect(await find("/usr/share/doc/bash/x", digest)).toBeNull();
});

test("a signed file takes the place of what its own package had there before, and of nothing later or foreign", async () => {
  const book = await openEvidenceBook(join(folder, "evidence"));
  const sha = (digit: string) => digit.repeat(64);
  const ship = (version: string, name: string, digit: string, capturedMs: number) =>
    book.add({
      package: name,
      version,
      architecture: "all",
      debSha256: sha(digit),
      signedBy: "A".repeat(40),
      capturedMs,
      files: { "/bin/tool": sha(digit) },
    });
  book.noteListed("/usr/bin/tool", { package: "tool", sha256: sha("0") });
  await ship("1", "tool", "1", 1);
  await ship("1", "other", "e", 2);
  await ship("2", "tool", "2", 3);
  await ship("3", "tool", "3", 4);
  const { find } = createPackageLookup(folder, { book, settle: async () => undefined });
  const supersedes = async (digit: string) =>
    (await find("/usr/bin/tool", { sha256: sha(digit), md5: "" }))?.supersedes;
  expect(await supersedes("2")).toEqual([sha("0"), sha("1")]);
  expect(await supersedes("1")).toEqual([sha("0")]);
  expect(await supersedes("e")).toEqual([]);
  expect(await supersedes("f")).toBeUndefined();
});

test("the first user of a number gives the name, and any text has an answer", () => {
  expect(parsePasswd("root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:\nbad\n:x:5:5\n")).toEqual(new Map([[0, "root"]]));
  fc.assert(fc.property(fc.string(), (text) => void parsePasswd(text)));
});

test("links and modes change a file's key", async () => {
  const path = join(folder, "x");
  await writeFile(path, "abc");
  const file = await open(path);
  const before = await file.stat({ bigint: true });
  await new Promise((resolve) => setTimeout(resolve, 20));
  await chmod(path, 0o700);
  await link(path, join(folder, "y"));
  expect((await file.stat({ bigint: true })).ctimeNs).toBeGreaterThan(before.ctimeNs);
  await file.close();
});
