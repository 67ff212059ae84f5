import { readFile, readlink } from "node:fs/promises";
import { decodeText } from "../kernel/decode-text.ts";

/** Bytes of /proc/PID/cmdline or environ that are read; longer ones are cut, and said to be. */
export const PROC_TEXT_BYTES_MAX = 256 * 1024;

/** A process's link such as `exe`, `cwd`, `root`; undefined where it is gone. */
export function readProcLink(tgid: number, name: "exe" | "cwd" | "root"): Promise<string | undefined> {
  return readlink(`/proc/${tgid}/${name}`, "buffer").then(decodeText, () => undefined);
}

/** NUL-separated strings of `cmdline` or `environ`. The process itself can have changed them since its exec. */
export async function readProcStrings(tgid: number, name: "cmdline" | "environ"): Promise<string[]> {
  const bytes = await readFile(`/proc/${tgid}/${name}`).catch(() => Buffer.alloc(0));
  const text = decodeText(bytes.subarray(0, PROC_TEXT_BYTES_MAX));
  return splitStrings(text);
}

/** Every string ends in NUL, the last one perhaps not. */
export function splitStrings(text: string): string[] {
  if (text === "") return [];
  return (text.endsWith("\0") ? text.slice(0, -1) : text).split("\0");
}

export function readProcText(tgid: number, name: "cgroup" | "stat" | "status"): Promise<string | undefined> {
  return readFile(`/proc/${tgid}/${name}`, "utf8").catch(() => undefined);
}
