/** What root lays out and starts must be nobody else's to change. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canaries, controls } from "@ringwall/protocol/agent";
import { afterEach, beforeEach, expect, test } from "vitest";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { prepareScratch } from "./prepare.ts";
import { commandLineOf, DRILL_USER, filesIn } from "./programs.ts";

const OTHERS_WRITE = 0o022;
let folder: string;
let umask: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringwall-scratch-"));
  mkdirSync(join(folder, "programs"));
  for (const name of ["decoy.py", "canary.py"])
    writeFileSync(join(folder, "programs", name), "pass\n", { mode: 0o755 });
  umask = process.umask(0);
});
afterEach(() => {
  process.umask(umask);
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(whyNoKernelTests("prepare.test.ts") !== undefined).each([...controls, ...canaries])(
  "nobody else may write what is laid out for: $tries",
  async (canary) => {
    const scratch = join(folder, "attempt");
    const files = filesIn(join(folder, "programs"));
    await prepareScratch(canary, files, scratch);
    const inside = readdirSync(scratch, { recursive: true, encoding: "utf8" });
    const places = [scratch, ...inside.map((name) => join(scratch, name))];
    expect(places.filter((place) => (statSync(place).mode & OTHERS_WRITE) !== 0)).toEqual([]);
    const target = { address: "10.0.0.1", port: 4000 };
    const [command] = commandLineOf(canary, files, target, canary.id, scratch).argv;
    expect(statSync(scratch).uid).toBe(command === "setpriv" ? DRILL_USER : 0);
  },
);
