import { open, rename, rm } from "node:fs/promises";

/** Replaces a file in one step: who reads it sees the old text or the new, also when the machine stops in between. */
export async function saveFile(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", mode);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
