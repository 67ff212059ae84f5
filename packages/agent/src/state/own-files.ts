import { type BigIntStats, statSync } from "node:fs";

type OwnFile = { place: string; writing: number };

/** Of this process; a file has one agent, which holds the lock of its state directory. */
const files = new Map<string, OwnFile>();

/** From now on a change of the file that this process did not make is found by `changedByOthers`. */
export function ownFile(path: string): void {
  files.set(path, { place: placeOf(path), writing: 0 });
}

/** Until this process has written it again. */
export function changedByOthers(path: string): "changed" | "removed" | null {
  const file = files.get(path);
  if (file === undefined || file.writing > 0) return null;
  const place = placeOf(path);
  if (place === file.place) return null;
  return place === GONE ? "removed" : "changed";
}

/** Replaces a file that may be one of those. One that could not be replaced is as it was. */
export async function replaceOwn(path: string, write: () => Promise<void>): Promise<void> {
  const file = files.get(path);
  if (file === undefined) return write();
  file.writing++;
  try {
    await write();
    file.place = placeOf(path);
  } finally {
    file.writing--;
  }
}

/** The same at once. */
export function replaceOwnSync(path: string, write: () => void): void {
  write();
  const file = files.get(path);
  if (file !== undefined) file.place = placeOf(path);
}

/** Adds to one: what others changed before stays to be found. */
export function appendOwnSync(path: string, write: () => void): void {
  const file = files.get(path);
  const isOurs = file !== undefined && file.place === placeOf(path);
  write();
  if (isOurs) file.place = placeOf(path);
}

const GONE = "gone";

function placeOf(path: string): string {
  const found: BigIntStats | undefined = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? GONE : `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`;
}
