import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { saveFile } from "./save-file.ts";
import { inSlowLane, SLOW_JOBS_MAX } from "./slow-lane.ts";

test("what waits for the disk keeps to its threads, and what need not wait passes by", async () => {
  const folder = mkdtempSync(`${tmpdir()}/ringwall-lane-`);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const jobs = Array.from({ length: SLOW_JOBS_MAX }, () => inSlowLane(() => held));
  const synced = saveFile(`${folder}/synced`, "a", 0o600);
  await saveFile(`${folder}/plain`, "b", 0o600, { sync: false });
  expect(readFileSync(`${folder}/plain`, "utf8")).toBe("b");
  expect(existsSync(`${folder}/synced`)).toBe(false);
  release();
  await Promise.all([...jobs, synced]);
  expect(readFileSync(`${folder}/synced`, "utf8")).toBe("a");
  rmSync(folder, { recursive: true });
});
