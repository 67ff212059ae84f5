import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ADDON_PATH } from "../kernel/native.ts";

const MODULE = fileURLToPath(new URL("release-memory.ts", import.meta.url));
/** Goes on with work of every kind after the pages of the program were let go of: code, builtins, worker threads, files. */
const PROGRAM = `
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { releaseMemory } from ${JSON.stringify(MODULE)};
const before = process.memoryUsage().rss;
releaseMemory();
const after = process.memoryUsage().rss;
const work = async () => {
  const text = await readFile(${JSON.stringify(MODULE)});
  return createHash("sha256").update(gzipSync(text)).digest("hex") + new Intl.NumberFormat("de").format(1234.5);
};
const first = await work();
releaseMemory();
console.log(JSON.stringify({ less: after < before, same: first === (await work()) }));
`;

describe.skipIf(!existsSync(ADDON_PATH))("releasing memory", () => {
  test("takes less memory afterwards, and everything still works", () => {
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", PROGRAM], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({ less: true, same: true });
  });
});
