import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { makeFolder } from "@ringwall/controller/make-folder";
import { Failure, failure } from "../failure.ts";

export type OutputFile = { readonly path: string; readonly text: string };

/**
 * Puts files into a folder all at once: they are written beside it and moved there by one rename, so that a broken-off
 * run leaves the folder as it was. A folder with anything in it is only replaced if it holds `mark`, as ours do.
 */
export function writeFolder(folder: string, files: readonly OutputFile[], mark: string): void {
  const target = path.resolve(folder);
  let staging: string | undefined;
  try {
    const isTaken = existsSync(target) && readdirSync(target).length > 0;
    if (isTaken && !existsSync(path.join(target, mark))) {
      throw failure(
        "folder-not-empty",
        `\`${folder}\` holds other files`,
        "name a new folder, or an earlier output of this command",
      );
    }
    makeFolder(path.dirname(target));
    staging = mkdtempSync(`${target}.new-`);
    for (const file of files) {
      makeFolder(path.dirname(path.join(staging, file.path)));
      writeFileSync(path.join(staging, file.path), file.text);
    }
    const old = `${staging}.old`;
    if (existsSync(target)) renameSync(target, old);
    renameSync(staging, target);
    rmSync(old, { recursive: true, force: true });
  } catch (error) {
    if (staging !== undefined) rmSync(staging, { recursive: true, force: true });
    if (error instanceof Failure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw failure(
      "cannot-write",
      `cannot write into \`${folder}\`: ${code === "ENOTDIR" ? "it is a file" : message}`,
      "name a folder you can write to",
    );
  }
}
