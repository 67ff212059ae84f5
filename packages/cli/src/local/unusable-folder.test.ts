import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CHECKOUT, type Command, createCli } from "../testing/ringwall.ts";

/** Arguments: the folder to show as a read-only disk, the command. */
const WITH_READ_ONLY = 'mount -t tmpfs -o ro none "$0" && exec "$@"';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ringwall-folder-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** What commands that make a folder say where they can't; each has to end with 2, and to say what to do. */
async function refusals(folder: string, command?: Command): Promise<string[]> {
  const flows = join(base, "flows.ndjson");
  writeFileSync(flows, "");
  const cli = createCli(join(base, "data"), command);
  const refused: string[] = [];
  for (const args of [
    ["controller", "run", "--data", folder],
    ["up", "--no-agent", "--data", folder],
    ["agent", "run", "--state", folder],
    ["learn", "--flows", flows, "-o", join(folder, "learned")],
  ]) {
    const { code, stderr } = await cli.type(...args);
    expect([args, code, stderr]).toEqual([args, 2, expect.stringMatching(/\n {2}fix: /)]);
    expect(stderr).not.toMatch(/error\[bug\]|\n\s+at /);
    refused.push(stderr);
  }
  return refused;
}

it("a folder below /proc, where none can be made, is refused at once", async () => {
  for (const refused of await refusals("/proc/ringwall/data"))
    expect(refused).toMatch(/`\/proc\/ringwall\/data.*`\/proc` takes no new folders/);
});

it("/proc itself is refused", async () => {
  const cli = createCli(join(base, "data"));
  for (const args of [
    ["controller", "run", "--data", "/proc"],
    ["agent", "run", "--state", "/proc"],
  ]) {
    const { code, stderr } = await cli.type(...args);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/error\[(?:data-dir-unusable|state-unwritable)\]/),
    ]);
  }
});

it.skipIf(process.geteuid?.() !== 0)("a folder on a read-only disk is refused by that name", async () => {
  const disk = mkdtempSync(join(base, "disk-"));
  const inDisk = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    WITH_READ_ONLY,
    disk,
    join(CHECKOUT, "bin/ringwall"),
  ] as const;
  for (const refused of await refusals(join(disk, "some/data"), inDisk))
    expect(refused).toMatch(/some\/data.*EROFS: read-only file system/);
});
