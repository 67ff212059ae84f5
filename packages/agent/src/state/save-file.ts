import { open, rename, rm } from "node:fs/promises";
import { replaceOwn } from "./own-files.ts";
import { inSlowLane } from "./slow-lane.ts";

/**
 * Replaces a file in one step: who reads it sees the old text or the new, also when the process is killed in between, and
 * with `sync` when the machine stops.
 */
export async function saveFile(
  path: string,
  data: string | Uint8Array,
  mode: number,
  { sync = true }: { readonly sync?: boolean } = {},
): Promise<void> {
  await replaceOwn(path, () => replace(path, data, mode, sync));
}

async function replace(path: string, data: string | Uint8Array, mode: number, sync: boolean): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", mode);
  try {
    await file.writeFile(data);
    if (sync) await inSlowLane(() => file.sync());
  } catch (error) {
    await file.close();
    // On a full disk the torn half would take the room that the next try needs.
    await rm(temporary, { force: true });
    throw error;
  }
  await file.close();
  await rename(temporary, path);
}
