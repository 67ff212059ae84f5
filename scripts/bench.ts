// `make bench`: every benchmark of the project, one after the other. Each prints machine, scale, ratios and a hash; at the
// end comes a table of the figures that have goals.
//   scripts/node scripts/bench.ts [WORD…]     only those whose path contains one of the words
import { spawn } from "node:child_process";
import path from "node:path";
import { formatGoals, type Goal, parseGoals } from "./bench-goals.ts";
import { findBenchmarks } from "./benchmarks.ts";

const root = path.resolve(import.meta.dirname, "..");
const wanted = process.argv.slice(2);
const all = findBenchmarks(root);
const unknown = wanted.filter((word) => !all.some((file) => file.includes(word)));
if (unknown.length > 0) {
  const names = all.map((file) => path.basename(file, ".ts")).join(", ");
  console.error(`no benchmark matches \`${unknown.join("`, `")}\`; there are ${names}`);
  process.exit(2);
}
const chosen = all.filter((file) => wanted.length === 0 || wanted.some((word) => file.includes(word)));

const goals: Goal[] = [];
const failed: string[] = [];
for (const file of chosen) {
  console.log(`\n── ${file} ${"─".repeat(Math.max(0, 70 - file.length))}`);
  const { code, output } = await run(file);
  goals.push(...parseGoals(output));
  if (code !== 0) failed.push(file);
}
if (goals.length > 0) console.log(`\n── goals ${"─".repeat(64)}\n${formatGoals(goals)}`);
if (failed.length > 0) {
  console.error(`\nfailed: ${failed.join(", ")}`);
  process.exit(1);
}

/** Runs a benchmark, shows what it prints as it comes, and keeps it. */
function run(file: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [file], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  return new Promise((done) => child.once("close", (code) => done({ code, output })));
}
