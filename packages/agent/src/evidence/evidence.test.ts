import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AptRepository } from "../testing/apt-repository.ts";
import { findSigned } from "./apt-chain.ts";
import { hookPlaces, installAptHook, removeAptHook } from "./apt-hook.ts";
import { parseRelease, parseSignedBy, parseStanza } from "./apt-text.ts";
import { createDebCollector } from "./collect-debs.ts";
import { openEvidenceBook } from "./evidence-book.ts";
import { streamTool } from "./run-tool.ts";
import { readTarDigests, type TarFile } from "./tar-digests.ts";

const HAS_APT = ["apt-get", "dpkg-deb", "gpg", "gpgv"].every((name) => existsSync(`/usr/bin/${name}`));
if (!HAS_APT) process.stderr.write("SKIPPED evidence.test.ts: apt, dpkg-deb, gpg or gpgv is not installed\n");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringwall-evidence-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function all(files: AsyncIterable<TarFile>): Promise<TarFile[]> {
  const list: TarFile[] = [];
  for await (const file of files) list.push(file);
  return list.sort((a, b) => (a.path < b.path ? -1 : 1));
}

describe("digests of a tar stream", () => {
  test.each(["gnu", "pax", "ustar"])(
    "are those of the files, with long names and links, in format %s",
    async (format) => {
      const tree = join(folder, "tree");
      const deep = `${"d".repeat(60)}/${"e".repeat(60)}`;
      mkdirSync(join(tree, deep), { recursive: true });
      writeFileSync(join(tree, deep, "long"), "abc", { mode: 0o755 });
      writeFileSync(join(tree, "empty"), "");
      writeFileSync(join(tree, "big"), Buffer.alloc(300_000, 7));
      execFileSync("ln", [join(tree, "big"), join(tree, "zlink")]);
      symlinkSync("empty", join(tree, "soft"));
      const stream = streamTool("tar", ["--sort=name", "--format", format, "-C", tree, "-cf", "-", "."], {});
      const big = execFileSync("sha256sum", [join(tree, "big")], { encoding: "utf8" }).slice(0, 8);
      const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
      expect(
        (await all(readTarDigests(stream))).map(({ path, sha256 }) => [path, sha256.slice(0, 8)]),
      ).toEqual([
        ["/big", big],
        [`/${deep}/long`, abc.slice(0, 8)],
        ["/empty", "e3b0c442"],
        ["/zlink", big],
      ]);
    },
  );

  test("any bytes are read to an end or refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2048 }), async (bytes) => {
        async function* once() {
          yield Buffer.from(bytes);
        }
        await all(readTarDigests(once())).catch((error: unknown) => expect(error).toBeInstanceOf(Error));
      }),
    );
  });
});

describe("apt's files", () => {
  test("a Release gives SHA-256 digests only", () => {
    const sha = "a".repeat(64);
    const text = `Suite: x\nMD5Sum:\n ${"b".repeat(32)} 1 main/Packages\nSHA256:\n ${sha} 12 main/Packages\nX: y\n ${sha} 1 z\n`;
    expect([...parseRelease(text)]).toEqual([["main/Packages", sha]]);
  });

  test("key files are found in both forms of source lists, and keys within", () => {
    expect(parseSignedBy("deb [arch=amd64 signed-by=/a.gpg,/b.asc] http://x y z").files).toEqual([
      "/a.gpg",
      "/b.asc",
    ]);
    const inline =
      "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n aGVsbG8=\n =abcd\n -----END PGP PUBLIC KEY BLOCK-----\n";
    expect(parseSignedBy(`Types: deb\nSigned-By: /c.gpg\n\n${inline}`)).toEqual({
      files: ["/c.gpg"],
      keys: [Buffer.from("hello")],
    });
  });

  test("any text has an answer", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseRelease(text);
        parseStanza(text);
        parseSignedBy(text);
      }),
    );
  });
});

describe("the hook", () => {
  test("keeps .debs for root only, whatever the input holds, and always ends well and silently", async () => {
    const conf = join(folder, "apt.conf.d");
    mkdirSync(conf);
    const { script, spool } = await installAptHook(join(folder, "state"), conf);
    const good = join(folder, "good name $(touch x).deb");
    writeFileSync(good, "deb");
    symlinkSync("/etc/shadow", join(folder, "link.deb"));
    const run = (input: string) => {
      const { status, stdout, stderr } = spawnSync(script, { input, encoding: "utf8", cwd: folder });
      return [status, stdout, stderr];
    };
    expect(
      run(`${good}\n${folder}/link.deb\n-rf.deb\n/etc/passwd\n/none.deb\n\u001b[31m\n${"x".repeat(100_000)}`),
    ).toEqual([0, "", ""]);
    const kept = readdirSync(spool);
    expect(kept).toHaveLength(1);
    expect(statSync(spool).mode & 0o777).toBe(0o700);
    expect(existsSync(join(folder, "x"))).toBe(false);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (input) => run(input)[0] === 0),
      { numRuns: 20 },
    );
    rmSync(spool, { recursive: true });
    expect(run(`${good}\n`)).toEqual([0, "", ""]);
    await removeAptHook(join(folder, "state"), conf);
    expect(readdirSync(conf)).toEqual([]);
  });

  test("a state directory that would have to be quoted, and a machine without apt, are refused by name", async () => {
    await expect(installAptHook(join(folder, "a b"), folder)).rejects.toThrow("hook-path");
    await expect(installAptHook(join(folder, "state"), join(folder, "none"))).rejects.toThrow("no-apt");
  });
});

describe.skipIf(!HAS_APT)("the chain from a .deb to a signature", () => {
  let repository: AptRepository;
  beforeEach(() => {
    repository = new AptRepository(folder);
  });
  afterEach(() => repository.close());
  const environment = () => ({ APT_CONFIG: repository.aptConfig });

  async function collected(deb: string) {
    const { spool } = hookPlaces(join(folder, "state"));
    mkdirSync(spool, { recursive: true });
    execFileSync("cp", [deb, join(spool, "1.deb")]);
    const book = await openEvidenceBook(join(folder, "state/evidence"));
    const collector = createDebCollector(spool, book, environment());
    await collector.settle();
    expect(readdirSync(spool)).toEqual([]);
    return { book, counts: collector.counts() };
  }

  test("holds for a signed index, survives a restart, and knows nothing of a copy with one byte more", async () => {
    const deb = repository.publish("tool", "1.0", {
      "/bin/tool": { text: "#!/bin/sh\n" },
      "/opt/doc.txt": { text: "x" },
    });
    repository.run("apt-get", "update", "-qq");
    expect((await collected(deb)).counts).toEqual({ captured: 1, unsigned: 0, failed: 0 });
    const book = await openEvidenceBook(join(folder, "state/evidence"));
    expect(book.shippedAt("/usr/bin/tool")).toEqual(book.shippedAt("/bin/tool"));
    expect(book.shippedAt("/usr/bin/tool")).toMatchObject([{ package: "tool", version: "1.0" }]);
    writeFileSync(deb, "\0", { flag: "a" });
    expect((await collected(deb)).counts).toEqual({ captured: 0, unsigned: 1, failed: 0 });
  });

  test("does not hold for what is merely trusted, nor for lists changed after their update", async () => {
    const deb = repository.publish("tool", "1.0", { "/bin/tool": { text: "#!/bin/sh\n" } });
    repository.run("apt-get", "update", "-qq");
    const sha256 = execFileSync("sha256sum", [deb], { encoding: "utf8" }).slice(0, 64);
    const lists = join(folder, "root/var/lib/apt/lists");
    const list = (end: string) =>
      join(lists, readdirSync(lists).find((name) => name.endsWith(end)) ?? "none");
    expect([...(await findSigned(new Set([sha256]), environment())).values()]).toMatchObject([
      { package: "tool" },
    ]);
    writeFileSync(list("Packages"), "\n", { flag: "a" });
    expect((await findSigned(new Set([sha256]), environment())).size).toBe(0);

    rmSync(join(folder, "repo/InRelease"));
    writeFileSync(join(folder, "root/etc/apt/sources.list"), `deb [trusted=yes] copy:${folder}/repo ./\n`);
    rmSync(lists, { recursive: true });
    mkdirSync(join(lists, "partial"), { recursive: true });
    repository.run("apt-get", "update", "-qq");
    expect(existsSync(list("Packages"))).toBe(true);
    expect((await findSigned(new Set([sha256]), environment())).size).toBe(0);
  });
});
