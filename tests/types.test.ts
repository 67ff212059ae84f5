/** `make types` knows the configurations by a pattern: nothing that is written may slip through it. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "..");
const tsc = path.join(root, "node_modules/typescript/bin/tsc");

function run(command: string, ...args: readonly string[]): readonly string[] {
  const text = execFileSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
  return text.split("\n").filter((line) => line !== "");
}

const tracked = (...patterns: readonly string[]) =>
  run("git", "ls-files", "--cached", "--others", "--exclude-standard", ...patterns);

it("checks the types of every TypeScript file", () => {
  const show = "show: ; @printf '%s\\n' $(TSCONFIGS)";
  const configs = run("make", "--no-print-directory", "--silent", "--eval", show, "show");
  const checked = new Set(
    configs.flatMap((config) =>
      run(process.execPath, tsc, "--listFilesOnly", "-p", config).map((file) => path.relative(root, file)),
    ),
  );
  expect(tracked("*.ts", "*.tsx").filter((file) => !checked.has(file))).toEqual([]);
});
