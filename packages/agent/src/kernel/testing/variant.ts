import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const AGENT = fileURLToPath(new URL("../../../", import.meta.url));

/** What is replaced in a file below `bpf/`; each text must be there. */
export type Edit = readonly [file: string, from: string, to: string];

export const canBuild = existsSync("/usr/bin/clang") && existsSync("/usr/bin/make");

/** Builds the programs as they would be with other lines in their sources; the object's path. */
export function buildVariant(folder: string, edits: readonly Edit[]): string {
  for (const name of ["bpf", "Makefile"]) cpSync(`${AGENT}${name}`, `${folder}/${name}`, { recursive: true });
  cpSync(`${AGENT}build/vmlinux.h`, `${folder}/build/vmlinux.h`, { preserveTimestamps: true });
  for (const [file, from, to] of edits) {
    const path = `${folder}/bpf/${file}`;
    const text = readFileSync(path, "utf8");
    if (!text.includes(from)) throw new Error(`${file} does not say: ${from}`);
    writeFileSync(path, text.replace(from, to));
  }
  execFileSync("make", ["-s", "-C", folder, "build/ringwall.bpf.o"], { stdio: "pipe" });
  return `${folder}/build/ringwall.bpf.o`;
}
