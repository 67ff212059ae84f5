/** What becomes of an attempt's processes, and of one that can't be made. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { canaries } from "@ringwall/protocol/agent";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { placePrograms, prepareScratch } from "./prepare.ts";
import { commandLineOf } from "./programs.ts";
import { type Enter, runCanary } from "./run-canary.ts";

const TARGET = { address: "127.0.0.1", port: 9 };

describe.skipIf(whyNoKernelTests("run-canary.test.ts") !== undefined)("an attempt", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/ringwall-attempt-`);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("takes along what it started, and waits for none of it", async () => {
    const script = `(sleep 2; touch ${folder}/later) & echo '{"step":"connect","errno":111}'`;
    const line = { argv: ["/bin/sh", "-c", script], environment: {}, input: null };
    expect(await runCanary(line, (argv) => argv)).toEqual({ kind: "end", step: "connect", errno: 111 });
    expect(existsSync(`${folder}/later`)).toBe(false);
  });

  test.each(canaries.filter(({ needs }) => needs.includes("user-namespaces")))(
    "says that it was not made where nobody may make user namespaces: $tries",
    async (canary) => {
      mkdirSync(`${folder}/programs`);
      mkdirSync(`${folder}/root`);
      const files = await placePrograms(`${folder}/programs`);
      const scratch = `${folder}/scratch`;
      await prepareScratch(canary, files, scratch);
      // The kernel refuses them in a root of one's own.
      const root = 'mount --rbind / "$0" && exec chroot "$0" "$@"';
      const enter: Enter = (argv) => ["unshare", "--mount", "sh", "-c", root, `${folder}/root`, ...argv];
      const told = await runCanary(commandLineOf(canary, files, TARGET, canary.id, scratch), enter);
      expect(told).toEqual({ kind: "skipped", why: "users can't make user namespaces here" });
    },
  );
});
