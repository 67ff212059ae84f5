// `make bench`: every benchmark of the project, one after the other. Each prints machine, scale, ratios and a hash; at the
// end comes a table of the figures that have goals.
//   scripts/node scripts/bench.ts [WORD…]     only those whose path contains one of the words
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { formatGoals, type Goal, parseGoals } from "./bench-goals.ts";

const root = path.resolve(import.meta.dirname, "..");
const wanted = process.argv.slice(2);
const all = readdirSync(path.join(root, "packages"))
  .map((name) => path.join("packages", name, "bench"))
  .filter((folder) => existsSync(path.join(root, folder)))
  .flatMap((folder) =>
    readdirSync(path.join(root, folder))
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      // An entry point says at its top how to run it; the others are its helpers.
      .filter((file) =>
        readFileSync(path.join(root, folder, file), "utf8")
          .slice(0, 400)
          .includes(`bench/${file}`),
      )
      .map((file) => path.join(folder, file)),
  )
  .sort();
const chosen = all.filter((file) => wanted.length === 0 || wanted.some((word) => file.includes(word)));
if (chosen.length === 0) {
  console.error(`no benchmark matches ${wanted.join(" ")}; there are:\n  ${all.join("\n  ")}`);
  process.exit(2);
}

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
