// Developers' commands refuse arguments that are wrong before anything has begun: what is wrong, how to call it, code 2.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

describe("a file that is wrong is refused before anything has begun:", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "ringwall-bad-files-"));
    mkdirSync(path.join(folder, "data/applications/microSecEnD"), { recursive: true });
    mkdirSync(path.join(folder, "data/process-flows"));
    const write = (file: string, text: string) => writeFileSync(path.join(folder, file), text);
    write("text", "{]\n");
    write("no-graph.json", '{"services": [{"name": 3}], "information_flows": []}');
    write("no-boutique.json", '{"services": {"a": {"ports": [["TCP", null, 8080]]}}, "edges": [["a", "b"]]}');
    write("no-log.jsonl", '\n{"ts": "yesterday"}\n');
    write("no.jsonl.gz", "no gzip");
    write("data/process-flows/a.jsonl", "{}");
    write("graph.json", '{"services": [{"name": "a", "tagged_values": {}}], "information_flows": []}');
    write("log.jsonl", "");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const fleet = "packages/lab/src/fleet/main.ts";
  const convert = "packages/lab/src/fleet/convert.ts";
  it.each([
    [
      "packages/lab/src/main.ts",
      "--json DIR/none/record.json",
      "no such file or directory, open `.*/record.json`",
    ],
    ["packages/lab/src/main.ts", "--json DIR/data", "illegal operation on a directory, open `.*/data`"],
    [fleet, "--app DIR/text -o DIR/out", "`.*/text` is no JSON: .+"],
    [
      fleet,
      "--app DIR/no-graph.json -o DIR/out",
      "`.*/no-graph.json` .*: `services.0.name`: expected string, .+",
    ],
    [
      fleet,
      "--app DIR/no-boutique.json -o DIR/out",
      "`.*/no-boutique.json` .*: `edges.0`: expected object, .+",
    ],
    [fleet, "--app DIR/graph.json -o DIR/text", "file already exists, mkdir `.*/text`"],
    [convert, "DIR/text -o DIR/out", "line 1 of `.*/text` is no JSON: .+"],
    [convert, "DIR/no-log.jsonl -o DIR/out", "line 2 of `.*/no-log.jsonl` .*: `ts`: .+"],
    [convert, "DIR/no.jsonl.gz -o DIR/out", "`.*/no.jsonl.gz` is not compressed by gzip: .+"],
    [convert, "DIR/log.jsonl -o DIR/text", "file already exists, mkdir `.*/text`"],
    ["packages/learner/bench/learn.ts", "--data DIR/data", "line 1 of `.*/a.jsonl` .*: `ts`: .+"],
  ])("%s %s", async (file, given, words) => {
    const { code, stdout, stderr } = await run(file, ...given.replaceAll("DIR", folder).split(" "));
    expect(stderr).toMatch(new RegExp(`^error: (?:[A-Z]+: )?${words}\\n  fix: call it as \`.+\`\\n$`));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(existsSync(path.join(folder, "out"))).toBe(false);
  });
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
