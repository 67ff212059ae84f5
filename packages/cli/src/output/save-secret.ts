import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { failure } from "../failure.ts";

/** Writes a secret to a file that only its owner can read, in one step: never a half-written or, meanwhile, a readable one. */
export function saveSecret(file: string, text: string): void {
  const draft = `${file}.${process.pid}.new`;
  try {
    const descriptor = openSync(draft, "wx", 0o600);
    try {
      writeSync(descriptor, text);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw failure(
      "cannot-write",
      `cannot write \`${file}\`: ${why}`,
      "name a file in a folder you can write to",
    );
  }
}
