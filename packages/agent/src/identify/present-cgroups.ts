import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

/** Control groups of a machine of which a look takes note; past it the look fails, and nothing counts as gone. */
export const CGROUPS_LOOKED_AT_MAX = 100_000;
/** Then others have their turn. */
const FOLDERS_AT_ONCE = 256;
/** Its name, and its `.`. */
const LEAF_LINKS = 2;

/**
 * The number of every control group below `mount`: each that was there before the call and still is after it. Throws
 * where it can't look at all of them.
 */
export async function presentCgroups(mount: string): Promise<ReadonlySet<bigint>> {
  const found = new Set<bigint>();
  const queue = [mount];
  for (let folder = queue.pop(); folder !== undefined; folder = queue.pop()) {
    if (found.size >= CGROUPS_LOOKED_AT_MAX)
      throw new Error(`there are more than ${CGROUPS_LOOKED_AT_MAX} control groups: none counts as gone`);
    if (found.size % FOLDERS_AT_ONCE === 0) await setImmediate();
    // In memory: handing the look to a thread costs far more.
    const info = statSync(folder, { bigint: true, throwIfNoEntry: false });
    if (info === undefined) continue;
    found.add(info.ino);
    if (Number(info.nlink) === LEAF_LINKS) continue;
    for (const entry of await entriesOf(folder))
      if (entry.isDirectory()) queue.push(join(folder, entry.name));
  }
  return found;
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    // Removed since it was looked at.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
