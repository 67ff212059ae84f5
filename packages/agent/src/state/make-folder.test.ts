import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFolder } from "./make-folder.ts";

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ringwall-folder-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

test("many at once make what is above them together", async () => {
  const names = Array.from({ length: 50 }, (_, i) => `n${i}`);
  await Promise.all(names.map((name) => makeFolder(join(base, "a", "b", "c", name))));
  expect(readdirSync(join(base, "a", "b", "c"))).toHaveLength(names.length);
});

test("one that is there stays, a file or a link to nowhere is told", async () => {
  await makeFolder(base);
  symlinkSync(join(base, "nowhere", "at", "all"), join(base, "link"));
  await expect(makeFolder(join(base, "link", "x"))).rejects.toThrow(/EEXIST.*link/);
});

test.each(["/proc/x", "/proc/x/y/z"])("%s ends with the parent that takes nothing", async (folder) => {
  await expect(makeFolder(folder)).rejects.toThrow("`/proc` takes no new folders");
});
