/** What becomes of an attempt's processes. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { runCanary } from "./run-canary.ts";

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
});
