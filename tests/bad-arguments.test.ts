// Developers' commands refuse arguments that are wrong before anything has begun: what is wrong, how to call it, code 2.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { findBenchmarks } from "../scripts/benchmarks.ts";

const root = path.resolve(import.meta.dirname, "..");
/** One that goes on in spite of its arguments is ended. */
const RUN_MS_MAX = 60_000;

const benchmarks = findBenchmarks(root);
const others = [
  "packages/agent/bench/node-load.ts",
  "packages/agent/kernels/main.ts",
  "packages/agent/tools/generate-layout.ts",
  "packages/agent/tools/proof-capture.ts",
  "packages/console/mock/demo.ts",
  "packages/lab/src/fleet/convert.ts",
  "packages/lab/src/fleet/main.ts",
  "packages/lab/src/main.ts",
  "packages/lab/src/soak/main.ts",
];

for (const file of [...benchmarks, ...others])
  it(`${file} refuses an option that it does not know, and starts nothing`, async () => {
    const { code, stdout, stderr } = await run(file, "--bogus");
    const [, call] = /^error: .*`.+\n {2}fix: call it as `(.+)`\n$/.exec(stderr) ?? [];
    expect(call, stderr).toMatch(`scripts/node ${file} `);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    // Its top says the same.
    if (benchmarks.includes(file)) expect(readFileSync(path.join(root, file), "utf8")).toContain(` ${call}`);
  });

for (const [file, known] of [
  ["scripts/bench.ts", "compile"],
  ["scripts/test.ts", "types"],
] as const)
  it(`${file} refuses a word that means nothing, though another is known`, async () => {
    const { code, stdout, stderr } = await run(file, known, "nonsense");
    expect(stderr).toMatch(/^no (?:benchmark|step).*`nonsense`; .*\n$/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

type Ended = { readonly code: unknown; readonly stdout: string; readonly stderr: string };

function run(file: string, ...given: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [file, ...given],
      { cwd: root, timeout: RUN_MS_MAX },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}
