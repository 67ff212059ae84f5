import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder and those above it, as `mkdir -p`; one that is there stays as it is. Node.js's own (`recursive`) never
 * returns below /proc, which says of every new name that it is not there, and tells a read-only disk as ENOENT.
 */
export async function makeFolder(folder: string, mode = 0o777, again = false): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(folder);
    if (code === "EEXIST" && (await stat(folder).catch(() => undefined))?.isDirectory()) return;
    if (code !== "ENOENT" || parent === folder) throw error;
    if (again) throw new Error(`\`${parent}\` takes no new folders`, { cause: error });
    await makeFolder(parent, mode);
    await makeFolder(folder, mode, true);
  }
}
