import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takeDataDir } from "./data-dir.ts";

let base: string;
beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), "ringwall-data-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const modeOf = (dir: string) => (statSync(dir).mode & 0o7777).toString(8);

test.skipIf(process.getuid?.() !== 0)("a folder that is there keeps its rights, but for the way in", () => {
  for (const [before, after] of [
    [0o1777, "1777"],
    [0o755, "755"],
    [0o2750, "2751"],
    [0o700, "711"],
  ] as const) {
    chmodSync(base, before);
    takeDataDir(base).release();
    expect(modeOf(base)).toBe(after);
  }
  const fresh = path.join(base, "a", "b");
  takeDataDir(fresh).release();
  expect(modeOf(fresh)).toBe("711");
});
