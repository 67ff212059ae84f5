// Builds the console when one of its sources is newer than the last build; otherwise only looks.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const inputs = ["packages/console", "packages/protocol/src", "packages/model/src", "package-lock.json"];
const output = path.join(root, "packages/console/dist/index.html");

if (existsSync(path.join(root, "packages/console/package.json")) && isStale()) {
  const result = spawnSync(
    path.join(root, "scripts/npm"),
    ["run", "--silent", "build", "-w", "packages/console"],
    {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  process.exitCode = result.status ?? 1;
}

function isStale(): boolean {
  if (!existsSync(output)) return true;
  const built = statSync(output).mtimeMs;
  return inputs.some((input) => newest(path.join(root, input)) > built);
}

/** Newest modification time below a path, in milliseconds since 1970. */
function newest(target: string): number {
  const stat = statSync(target);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(target)
    .filter((name) => !["dist", "node_modules"].includes(name))
    .reduce((latest, name) => Math.max(latest, newest(path.join(target, name))), 0);
}
