// The benchmarks of the project: files of packages/*/bench that say at their top how to run them; the others are helpers.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Their paths below `root`, sorted. */
export function findBenchmarks(root: string): readonly string[] {
  return readdirSync(path.join(root, "packages"))
    .map((name) => path.join("packages", name, "bench"))
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap((folder) =>
      readdirSync(path.join(root, folder))
        .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
        .filter((file) =>
          readFileSync(path.join(root, folder, file), "utf8")
            .slice(0, 400)
            .includes(`bench/${file}`),
        )
        .map((file) => path.join(folder, file)),
    )
    .sort();
}
