// `make bench`: every benchmark of the project, one after the other. Each prints machine, scale, ratios and a hash.
//   scripts/node scripts/bench.ts [WORD…]     only those whose path contains one of the words
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

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

const failed = chosen.filter((file) => {
  console.log(`\n── ${file} ${"─".repeat(Math.max(0, 70 - file.length))}`);
  return (
    spawnSync(process.execPath, [file], { cwd: root, stdio: ["ignore", "inherit", "inherit"] }).status !== 0
  );
});
if (failed.length > 0) {
  console.error(`\nfailed: ${failed.join(", ")}`);
  process.exit(1);
}
