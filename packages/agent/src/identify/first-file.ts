import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { posix } from "node:path";
import type { ScriptCandidate } from "./interpreters/script-source.ts";
import { latest, type WalkedPath, walkPath } from "./walk-path.ts";
import { holdsEntry } from "./zip-entries.ts";

/** Bytes of a package.json that are read for its `main`. */
export const PACKAGE_JSON_BYTES_MAX = 1024 * 1024;

/** The first candidate that is a regular file and meets its condition; `root` is the process's. */
export async function firstFile(
  candidates: readonly ScriptCandidate[],
  root: string,
): Promise<WalkedPath | undefined> {
  for (const candidate of candidates) {
    const walked = await regularFile(root, candidate.path);
    if (walked === undefined) continue;
    if (candidate.beside !== undefined && (await regularFile(root, candidate.beside)) === undefined) continue;
    if (candidate.holds !== undefined && !(await isArchiveWith(root + walked.path, candidate.holds)))
      continue;
    if (candidate.names === undefined) return walked;
    const main = await mainOfPackage(root, walked);
    if (main !== undefined) return main;
  }
  return undefined;
}

/** Not followed and not waited for: what was a plain file a moment ago may be a link or a pipe now. */
export function openPlainFile(path: string): Promise<FileHandle | undefined> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined);
}

async function regularFile(root: string, path: string): Promise<WalkedPath | undefined> {
  const walked = await walkPath(root, path);
  return walked?.stat.isFile() === true ? walked : undefined;
}

async function isArchiveWith(path: string, entry: string): Promise<boolean> {
  const file = await openPlainFile(path);
  try {
    return file !== undefined && (await holdsEntry(file, entry));
  } finally {
    await file?.close();
  }
}

/**
 * What a package's `main` stands for, found as Node.js finds it (modules, LOAD_AS_DIRECTORY). The package.json counts as
 * a link that was followed: changed since the exec, it says nothing about what was read.
 */
async function mainOfPackage(root: string, json: WalkedPath): Promise<WalkedPath | undefined> {
  const main = parseMain(await readText(root + json.path));
  if (main === undefined) return undefined;
  const place = posix.resolve(posix.dirname(json.path), main);
  for (const variant of ["", ".js", ".json", ".node", "/index.js", "/index.json", "/index.node"]) {
    const found = await regularFile(root, place + variant);
    if (found === undefined) continue;
    return {
      ...found,
      linksChangedNs: latest(json.stat.ctimeNs, json.linksChangedNs, found.linksChangedNs),
      foldersMovedNs: latest(json.foldersMovedNs, found.foldersMovedNs),
    };
  }
  return undefined;
}

async function readText(path: string): Promise<string> {
  const file = await openPlainFile(path);
  if (file === undefined) return "";
  try {
    const { bytesRead, buffer } = await file.read(
      Buffer.alloc(PACKAGE_JSON_BYTES_MAX),
      0,
      PACKAGE_JSON_BYTES_MAX,
      0,
    );
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function parseMain(text: string): string | undefined {
  try {
    const json: unknown = JSON.parse(text);
    const main = typeof json === "object" && json !== null && "main" in json ? json.main : undefined;
    return typeof main === "string" && main !== "" && !main.includes("\0") ? main : undefined;
  } catch {
    return undefined;
  }
}
