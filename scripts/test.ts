// `make test`: every step in order, fast ones first; at the end what failed, by name, and one line of plain totals.
//   scripts/node scripts/test.ts [STEP…]     only the named steps
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** `failures`: a line for each check that failed, as far as its step names it. */
type Totals = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
};
type Step = { readonly name: string; readonly run: (scratch: string) => Promise<Totals> };

/** A step that takes longer hangs; it is ended and counts as failed. */
const STEP_SECONDS_MAX = 2400;

const steps: readonly Step[] = [
  { name: "lint", run: () => check("node_modules/.bin/biome", ["check", "--error-on-warnings", "."]) },
  { name: "types", run: () => check("make", ["--no-print-directory", "types"]) },
  { name: "unit", run: (scratch) => vitest(["unit"], scratch) },
  { name: "fuzz", run: (scratch) => vitest(["fuzz"], scratch) },
  { name: "system", run: (scratch) => vitest(["system", "alone"], scratch) },
  { name: "browser", run: (scratch) => vitest(["browser"], scratch) },
  { name: "kernels", run: kernels },
  { name: "lab", run: lab },
  { name: "soak", run: soak },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(
    `no step \`${unknown.join("`, `")}\`; the steps are ${steps.map((step) => step.name).join(", ")}`,
  );
  process.exit(2);
}

let [passed, failed, skipped] = [0, 0, 0];
const failures: string[] = [];
const scratch = mkdtempSync(path.join(tmpdir(), "ringwall-test-"));
try {
  for (const step of steps) {
    if (wanted.length > 0 && !wanted.includes(step.name)) continue;
    console.log(`\n── ${step.name} ${"─".repeat(60 - step.name.length)}`);
    const started = Date.now();
    const result = await step.run(scratch);
    const seconds = Math.round((Date.now() - started) / 1000);
    console.log(
      `${step.name}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped in ${seconds} s`,
    );
    passed += result.passed;
    failed += result.failed;
    skipped += result.skipped;
    if (result.failed > 0)
      failures.push(
        ...(result.failures.length > 0 ? result.failures : ["see above"]).map(
          (line) => `${step.name}: ${line}`,
        ),
      );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (failures.length > 0) console.log(`\nfailed:\n${failures.map((line) => `  ${line}`).join("\n")}`);
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;

/** A command whose exit code is the whole answer: one check. */
async function check(command: string, args: readonly string[]): Promise<Totals> {
  const { code } = await execute(command, args);
  if (code === 0) return { passed: 1, failed: 0, skipped: 0, failures: [] };
  return {
    passed: 0,
    failed: 1,
    skipped: 0,
    failures: [`${[command, ...args].join(" ")} (exit code ${code})`],
  };
}

async function vitest(projects: readonly string[], folder: string): Promise<Totals> {
  const report = path.join(folder, `${projects[0]}.json`);
  const chosen = projects.flatMap((project) => ["--project", project]);
  const args = ["node_modules/vitest/vitest.mjs", "run", ...chosen, "--reporter=default"];
  const { code } = await execute(process.execPath, [
    ...args,
    "--reporter=json",
    `--outputFile.json=${report}`,
  ]);
  return readVitestReport(report, code);
}

function readVitestReport(report: string, code: number): Totals {
  let parsed: VitestReport;
  try {
    parsed = JSON.parse(readFileSync(report, "utf8")) as VitestReport;
  } catch {
    return { passed: 0, failed: 1, skipped: 0, failures: [`vitest left no report (exit code ${code})`] };
  }
  const failures: string[] = [];
  for (const file of parsed.testResults) {
    const name = path.relative(process.cwd(), file.name);
    for (const test of file.assertionResults) {
      if (test.status === "pending" || test.status === "skipped") console.log(`skipped: ${test.fullName}`);
      if (test.status === "failed")
        failures.push(`${name}: ${test.fullName}: ${firstLine(test.failureMessages[0])}`);
    }
    // A file that does not even load has no tests in it and must still count.
    if (file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed")) {
      failures.push(`${name}: ${firstLine(file.message)}`);
    }
  }
  if (code !== 0 && failures.length === 0) failures.push(`vitest ended with exit code ${code}`);
  return {
    passed: parsed.numPassedTests,
    failed: failures.length,
    skipped: parsed.numPendingTests,
    failures,
  };
}

function firstLine(text = ""): string {
  return (text.split("\n")[0] ?? "").slice(0, 300);
}

type VitestReport = {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
};

/** The lab closes with its own line of totals; one that ends otherwise has failed. */
async function lab(): Promise<Totals> {
  return closingTotals(["packages/lab/src/main.ts", "--or-skip"]);
}

/** Two minutes of `make soak`; its first line says the seed. */
async function soak(): Promise<Totals> {
  return closingTotals(["packages/lab/src/soak/main.ts", "--minutes", "2", "--or-skip"]);
}

/** What the verifiers of Debian's kernels make of the object; `make test-kernels` also runs the tests there. */
async function kernels(): Promise<Totals> {
  return closingTotals(["packages/agent/kernels/main.ts", "--loads"]);
}

async function closingTotals(args: readonly string[]): Promise<Totals> {
  const { code, output } = await execute(process.execPath, args);
  const failures = output
    .split("\n")
    .filter((one) => /^(\s+FAIL |failed: )/.test(one))
    .map((one) => one.trim());
  const line = /(\d+) passed, (\d+) failed, (\d+) skipped\s*$/.exec(output.trimEnd());
  if (line === null)
    return { passed: 0, failed: 1, skipped: 0, failures: [`no line of totals (exit code ${code})`] };
  const [passed, failed, skipped] = [Number(line[1]), Number(line[2]), Number(line[3])];
  if (code !== 0 && failed === 0) {
    return { passed, failed: 1, skipped, failures: [`exit code ${code} though nothing failed`] };
  }
  return { passed, failed, skipped, failures };
}

function execute(
  command: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      process.stdout.write(chunk);
      chunks.push(chunk);
    });
    const timer = setTimeout(() => {
      console.error(`${command} ran longer than ${STEP_SECONDS_MAX} s and is ended`);
      child.kill("SIGKILL");
    }, STEP_SECONDS_MAX * 1000);
    child.on("error", (error) => {
      clearTimeout(timer);
      console.error(`${command}: ${error.message}`);
      resolve({ code: 127, output: Buffer.concat(chunks).toString("utf8") });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString("utf8") });
    });
  });
}
