import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder and those above it, as `mkdir -p`; one that is there stays as it is. Node.js's own (`recursive`) never
 * returns below /proc, which says of every new name that it is not there, and tells a read-only disk as ENOENT.
 */
export function makeFolder(folder: string, mode = 0o777, again = false): void {
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(folder);
    if (code === "EEXIST" && statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
    if (code !== "ENOENT" || parent === folder) throw error;
    if (again) throw new Error(`\`${parent}\` takes no new folders`, { cause: error });
    makeFolder(parent, mode);
    makeFolder(folder, mode, true);
  }
}
