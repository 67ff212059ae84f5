import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256Of } from "../testing/agent-host.ts";
import { RPM_TOOLS, RpmDatabase } from "../testing/rpm-database.ts";
import { createRpmCollector } from "./collect-rpms.ts";
import { type EvidenceBook, openEvidenceBook } from "./evidence-book.ts";
import { type RpmPackage, readHeaders, readRpmPackages } from "./rpm-text.ts";
import { TOOL_OUTPUT_BYTES_MAX } from "./run-tool.ts";

const A = "a".repeat(64);
const B = "b".repeat(40);
const header = (...verdicts: string[]) =>
  [
    ...verdicts.map((one) => `D: x\nHeader V4 RSA/SHA512 Signature, key ID 093327cf: ${one}`),
    `Header SHA256 digest: OK\n@header ${A} ${B}\n`,
  ].join("\n");

async function* linesOf(text: string): AsyncGenerator<string> {
  yield* text.split("\n");
}

async function packagesOf(text: string): Promise<readonly RpmPackage[]> {
  const packages: RpmPackage[] = [];
  for await (const one of readRpmPackages(linesOf(text))) packages.push(one);
  return packages;
}

describe("what rpm says", () => {
  test.each([
    [header("OK"), 1],
    [header("OK", "OK"), 1],
    [header(), 0],
    [header("NOKEY"), 0],
    [header("OK", "NOKEY"), 0],
    [header("BAD"), 0],
    [header("OK") + header(), 1],
    ["@header (none) (none)\n", 0],
  ])("is evidence only for a header whose every signature is good (%#)", async (text, count) => {
    expect(await readHeaders(linesOf(text))).toHaveLength(count);
  });

  test("of files gives digests, and passes over folders, links and weaker digests", async () => {
    const files = [
      " 040755 /opt/x",
      `${A} 100755 /opt/x/a b`,
      " 120777 /opt/x/link",
      `${"c".repeat(32)} 100755 /opt/x/md5`,
    ];
    const text = (algorithm: number) =>
      `@package ${A} ${algorithm} RSA/SHA512, Sat Nov 21 2026, Key ID ceaae138093327cf|(none)\nshop\t1.0-1\tnoarch\n${files.join("\n")}\n`;
    expect(await packagesOf(text(8) + text(1))).toEqual([
      {
        ...{ sha256: A, keyId: "CEAAE138093327CF", name: "shop", version: "1.0-1", architecture: "noarch" },
        files: [{ path: "/opt/x/a b", sha256: A, mode: 0o100755 }],
      },
    ]);
  });

  test("any text has an answer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        await readHeaders(linesOf(`@header ${text}`));
        await packagesOf(`@package ${A} 8 ${text}\n${text}`);
      }),
    );
  });
});

const missing = RPM_TOOLS.filter((file) => !existsSync(file));
if (missing.length > 0) process.stderr.write(`SKIPPED rpm.test.ts: not installed: ${missing.join(", ")}\n`);

describe.skipIf(missing.length > 0)("what rpm installed", () => {
  let folder: string;
  let database: RpmDatabase;
  let book: EvidenceBook;
  let tool: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "ringwall-rpm-"));
    database = new RpmDatabase(folder);
    book = await openEvidenceBook(join(folder, "evidence"));
    tool = join(folder, "opt/tool/bin/tool");
  });
  afterEach(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  const files = (mark: string) => ({ [tool]: { text: `#!/bin/sh\necho ${mark}\n` } });
  const settle = () => createRpmCollector(book, database.path).settle();

  test("with a header signed by an imported key is evidence, each version in turn, also after a restart", async () => {
    const rpm = database.build("tool", "1.0", files("one"));
    expect(database.verify(rpm)).toMatch(/Header V\d \S+ Signature, key ID [0-9a-f]+: OK/);
    const collector = createRpmCollector(book, database.path);
    database.install(rpm);
    await collector.settle();
    const first = { package: "tool", version: "1.0-1", sha256: sha256Of(tool), evidence: "rpm-signed" };
    expect(book.shippedAt(tool)).toEqual([first]);
    database.install(database.build("tool", "2.0", files("two")));
    await collector.settle();
    const second = { ...first, version: "2.0-1", sha256: sha256Of(tool) };
    expect(second.sha256).not.toBe(first.sha256);
    expect(book.shippedAt(tool)).toEqual([first, second]);
    book = await openEvidenceBook(join(folder, "evidence"));
    expect(book.shippedAt(tool)).toEqual([first, second]);
  });

  test.each([
    ["not signed", null],
    ["signed by a key that was not imported", "stranger"],
  ])("%s is none", async (_, signer) => {
    database.install(database.build("tool", "1.0", files("one"), signer));
    await settle();
    expect(book.counts().packages).toBe(0);
  });

  test("and was changed in rpm's database is none", async () => {
    database.install(database.build("tool", "1.0", files("one")));
    const digest = sha256Of(tool);
    const script = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1] + "/rpmdb.sqlite")
for number, blob in db.execute("select hnum, blob from Packages").fetchall():
    changed = bytes(blob).replace(sys.argv[2].encode(), b"0" * 64)
    if changed != bytes(blob): db.execute("update Packages set blob=? where hnum=?", (changed, number)); print("changed")
db.commit()`;
    const said = execFileSync("python3", ["-c", script, database.path, digest], { encoding: "utf8" });
    expect(said).toBe("changed\n");
    await settle();
    expect(book.counts().packages).toBe(0);
  });

  test("of which rpm says more than one answer may hold is evidence, and so is what stands beside it", async () => {
    const other = join(folder, "opt/other/bin/other");
    database.install(database.build("huge", "1.0", { [other]: { text: "#!/bin/sh\n" } }));
    database.install(database.build("tool", "1.0", files("one")));
    const PATH = database.verboseAbout("huge", TOOL_OUTPUT_BYTES_MAX + 1);
    await createRpmCollector(book, database.path, { PATH }).settle();
    expect(book.counts()).toMatchObject({ packages: 2, files: 2 });
  });

  test("without a database, or with a broken one, is none and no error", async () => {
    await createRpmCollector(book, join(folder, "none")).settle();
    expect(existsSync(join(folder, "none"))).toBe(false);
    writeFileSync(join(database.path, "rpmdb.sqlite"), "nonsense");
    await settle();
    expect(book.counts().packages).toBe(0);
  });
});
