import { readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { HostPolicy } from "@ringwall/policy/lower";
import { interpreterOf } from "./interpreters/resolve-script.ts";

/** Files that are read ahead for one policy; the others are read when they first run. */
export const WARM_FILES_MAX = 2048;
const PROGRAM_FOLDERS = ["/usr/bin", "/usr/local/bin"];

/** Executables and scripts that a policy names by path. */
export function namedFiles(policy: HostPolicy): string[] {
  const files = new Set<string>();
  for (const entries of Object.values(policy.software)) {
    for (const { executable, script } of entries) {
      if (executable?.path !== undefined) files.add(executable.path);
      if (script?.path !== undefined) files.add(script.path);
    }
  }
  return [...files].slice(0, WARM_FILES_MAX);
}

/** The interpreters installed here, each file once: what most first executions will be. */
export async function installedInterpreters(): Promise<string[]> {
  const files = new Set<string>();
  for (const folder of PROGRAM_FOLDERS) {
    for (const name of await readdir(folder).catch(() => [])) {
      if (interpreterOf(name) === undefined) continue;
      files.add(await realpath(join(folder, name)).catch(() => join(folder, name)));
    }
  }
  return [...files].slice(0, WARM_FILES_MAX);
}
