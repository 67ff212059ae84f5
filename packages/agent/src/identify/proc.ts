import { readFileSync } from "node:fs";
import { open, readFile, readlink } from "node:fs/promises";
import { decodeText } from "../kernel/decode-text.ts";

/** Bytes of /proc/PID/cmdline or environ that are read; longer ones are cut: a process says itself how long they are. */
export const PROC_TEXT_BYTES_MAX = 256 * 1024;
const PROC_READ_BYTES = 16 * 1024;

/** A process's link such as `exe`, `cwd`, `root`; undefined where it is gone. */
export function readProcLink(tgid: number, name: "exe" | "cwd" | "root"): Promise<string | undefined> {
  return readlink(`/proc/${tgid}/${name}`, "buffer").then(decodeText, () => undefined);
}

/** NUL-separated strings of `cmdline` or `environ`. The process itself can have changed them since its exec. */
export async function readProcStrings(tgid: number, name: "cmdline" | "environ"): Promise<string[]> {
  const bytes = await readBeginning(`/proc/${tgid}/${name}`, PROC_TEXT_BYTES_MAX).catch(() =>
    Buffer.alloc(0),
  );
  return splitStrings(decodeText(bytes));
}

/** No more than so many bytes of a file, however long it is or says it is. */
export async function readBeginning(file: string, bytesMax: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const chunks: Buffer[] = [];
    for (let left = bytesMax; left > 0; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(left, PROC_READ_BYTES)));
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

/** Every string ends in NUL, the last one perhaps not. */
export function splitStrings(text: string): string[] {
  if (text === "") return [];
  return (text.endsWith("\0") ? text.slice(0, -1) : text).split("\0");
}

export function readProcText(tgid: number, name: "cgroup" | "stat" | "status"): Promise<string | undefined> {
  return readFile(`/proc/${tgid}/${name}`, "utf8").catch(() => undefined);
}

/** At once: a look of microseconds, before which nothing else may have to wait. */
export function readProcTextNow(tgid: number, name: "cgroup"): string | undefined {
  try {
    return readFileSync(`/proc/${tgid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}
