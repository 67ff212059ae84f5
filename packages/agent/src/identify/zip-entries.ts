import type { FileHandle } from "node:fs/promises";

/** Bytes of an archive's directory that are read; a larger one counts as not holding anything. */
export const ZIP_DIRECTORY_BYTES_MAX = 32 * 1024 * 1024;
const END_BYTES = 22;
const COMMENT_BYTES_MAX = 65_535;
const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;

/**
 * Whether a ZIP archive (a jar) has an entry of this name: by its central directory (APPNOTE.TXT 4.3.12, 4.3.16).
 * Anything that is no such archive, or one in the 64-bit form, has none.
 */
export async function holdsEntry(file: FileHandle, name: string): Promise<boolean> {
  const { size } = await file.stat();
  const tail = await readAt(file, Math.max(0, size - END_BYTES - COMMENT_BYTES_MAX), size);
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + END_BYTES > tail.length || tail.readUInt32LE(end) !== END_SIGNATURE) return false;
  const bytes = tail.readUInt32LE(end + 12);
  const start = tail.readUInt32LE(end + 16);
  if (bytes > ZIP_DIRECTORY_BYTES_MAX || start + bytes > size) return false;
  return hasName(await readAt(file, start, start + bytes), Buffer.from(name));
}

function hasName(directory: Buffer, wanted: Buffer): boolean {
  for (let at = 0; at + ENTRY_BYTES <= directory.length; ) {
    if (directory.readUInt32LE(at) !== ENTRY_SIGNATURE) return false;
    const nameBytes = directory.readUInt16LE(at + 28);
    const name = directory.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes);
    if (name.equals(wanted)) return true;
    at += ENTRY_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return false;
}

async function readAt(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
  return buffer.subarray(0, bytesRead);
}
