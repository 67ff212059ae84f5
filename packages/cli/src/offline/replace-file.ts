import { renameSync, rmSync, writeFileSync } from "node:fs";
import { failure } from "../failure.ts";

/** Writes a file beside its place and moves it there: a run that is broken off leaves the old one or the new one. */
export function replaceFile(file: string, text: string): void {
  const fresh = `${file}.new-${process.pid}`;
  try {
    writeFileSync(fresh, text);
    renameSync(fresh, file);
  } catch (error) {
    rmSync(fresh, { force: true });
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw failure("cannot-write", `cannot write \`${file}\`: ${why}`, "name a folder you can write to");
  }
}
