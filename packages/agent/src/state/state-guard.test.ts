import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";
import { appendOwnSync } from "./own-files.ts";
import { saveFile } from "./save-file.ts";
import { createStateGuard, type StateGuard } from "./state-guard.ts";

let folder: string;
let path: string;
let guard: StateGuard;
let told: string[];
let fails: boolean;

beforeEach(async () => {
  folder = mkdtempSync(`${tmpdir()}/ringwall-guard-`);
  path = `${folder}/policy.json`;
  told = [];
  fails = false;
  await saveFile(path, "own", 0o600);
  const restore = async () => {
    if (fails) mkdirSync(`${path}.new`);
    await saveFile(path, "own", 0o600);
  };
  guard = createStateGuard(
    [{ path, restore }],
    () => 0,
    (message) => told.push(message),
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

test("what the agent writes itself is nobody's edit", async () => {
  await saveFile(path, "own 2", 0o600);
  await guard.look();
  appendOwnSync(path, () => appendFileSync(path, "own 3"));
  await guard.look();
  const saving = saveFile(path, "own 4", 0o600);
  await guard.look();
  await saving;
  await guard.look();
  expect(told).toEqual([]);
  expect(guard.problems()).toEqual([]);
});

test("a file that others change or remove is put back, and told until the agent starts anew", async () => {
  writeFileSync(path, "OWN");
  await guard.look();
  expect(readFileSync(path, "utf8")).toBe("own");
  rmSync(path);
  await guard.look();
  expect(existsSync(path)).toBe(true);
  await guard.look();
  expect(told.map((message) => /was (\w+)/.exec(message)?.[1])).toEqual(["changed", "removed"]);
  expect(guard.problems().map(({ code }) => code)).toEqual(["state-edited"]);
});

test("a change is found also where the agent adds to the file behind it", async () => {
  writeFileSync(path, "OWN");
  appendOwnSync(path, () => appendFileSync(path, "more"));
  await guard.look();
  expect(told).toHaveLength(1);
});

test("one that can't be put back is tried again", async () => {
  rmSync(path);
  fails = true;
  await expect(guard.look()).rejects.toThrow("EISDIR");
  fails = false;
  rmSync(`${path}.new`, { recursive: true });
  await guard.look();
  expect(readFileSync(path, "utf8")).toBe("own");
});
