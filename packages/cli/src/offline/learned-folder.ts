import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { failure } from "../failure.ts";
import { replaceFile } from "./replace-file.ts";
import { REVIEW_FILE } from "./review-file.ts";
import { type OutputFile, writeFolder } from "./write-folder.ts";

/** What `learn` wrote into a folder, by digest: so that it knows its own files again, and what people changed. */
const WRITTEN_FILE = ".ringwall-learned.json";

/** `update`: people's policy with what it lacked, never replaced by a new one. */
type Kind = "new" | "update";
const written = z.object({ kind: z.enum(["new", "update"]), files: z.record(z.string(), z.string()) });
type Written = z.infer<typeof written>;

/** Writes what was learned; a folder with other files, or with ours that people changed, is left alone. Throws Failure. */
export function writeLearned(folder: string, files: readonly OutputFile[], kind: Kind): void {
  requireOwn(folder, kind);
  const digests = files
    .filter((file) => file.path !== REVIEW_FILE)
    .map((file) => [file.path, digestOf(file.text)] as const);
  const record = textOf({ kind, files: Object.fromEntries(digests) });
  writeFolder(folder, [...files, { path: WRITTEN_FILE, text: record }], WRITTEN_FILE);
}

/** Replaces files of a policy where they stand; what `learn` wrote and nobody changed counts as its own afterwards. */
export function replaceLearned(
  folder: string,
  files: readonly { readonly path: string; readonly before: string; readonly text: string }[],
): void {
  const record = loadWritten(folder);
  for (const file of files) replaceFile(path.join(folder, file.path), file.text);
  if (record === null) return;
  for (const { path: name, before, text } of files)
    if (record.files[name] === digestOf(before)) record.files[name] = digestOf(text);
  replaceFile(path.join(folder, WRITTEN_FILE), textOf(record));
}

function loadWritten(folder: string): Written | null {
  const file = path.join(folder, WRITTEN_FILE);
  if (!existsSync(file)) return null;
  const parsed = written.safeParse(parseJson(readFileSync(file, "utf8")));
  return parsed.success ? parsed.data : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function requireOwn(folder: string, kind: Kind): void {
  const record = loadWritten(folder);
  if (record === null) return;
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter((name) => name !== WRITTEN_FILE && name !== REVIEW_FILE);
  const fix = "`ringwall learn --update DIR` keeps what is there; or name a new folder";
  const foreign = names.find((name) => record.files[name] === undefined);
  if (foreign !== undefined)
    throw failure("folder-not-empty", `\`${folder}\` holds other files too, such as \`${foreign}\``, fix);
  const changed = names.find(
    (name) => digestOf(readFileSync(path.join(folder, name), "utf8")) !== record.files[name],
  );
  if (changed !== undefined)
    throw failure(
      "changed-by-hand",
      `\`${path.join(folder, changed)}\` was changed since it was learned`,
      fix,
    );
  if (record.kind !== kind)
    throw failure(
      "changed-by-hand",
      `\`${folder}\` holds an updated policy, not one that was learned anew`,
      fix,
    );
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function textOf(record: Written): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}
