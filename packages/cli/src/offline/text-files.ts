import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "@ringwall/model";
import { Failure } from "../failure.ts";

/** A bigger file is no policy but a log or an archive. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const FILES_MAX = 100_000;

/** What the learner and the review keep beside a policy. */
const NO_POLICY: ReadonlySet<string> = new Set(["report.json", "review.json"]);

export type TextFile = { readonly file: string; readonly text: string };

/** Reads the YAML and JSON files named or below the folders named, by name; `-` is standard input. Throws Failure with all problems. */
export function loadTextFiles(paths: readonly string[]): readonly TextFile[] {
  const problems: Problem[] = [];
  const names = [...new Set(paths.flatMap((path) => namesAt(path, problems)))];
  if (names.length > FILES_MAX)
    problems.push(unreadable(`${names.length} files are more than ${FILES_MAX}`, "name fewer"));
  const files = problems.length > 0 ? [] : names.flatMap((file) => load(file, problems));
  if (problems.length > 0) throw new Failure(problems);
  return files;
}

function namesAt(path: string, problems: Problem[]): readonly string[] {
  if (path === "-") return [path];
  try {
    if (!statSync(path).isDirectory()) return [path];
  } catch (error) {
    problems.push(unreadable(`cannot read \`${path}\`: ${reasonOf(error)}`, "check the path"));
    return [];
  }
  const found = globSync("**/*.{yaml,yml,json,ndjson}", { cwd: path })
    .filter((name) => !name.split("/").includes("node_modules") && !NO_POLICY.has(name))
    .sort();
  if (found.length === 0)
    problems.push(unreadable(`no YAML or JSON file in \`${path}\``, "name the folder that holds the policy"));
  return found.map((name) => join(path, name));
}

function load(file: string, problems: Problem[]): readonly TextFile[] {
  try {
    if (file === "-") return [{ file, text: textOf(readFileSync(0)) }];
    const { size } = statSync(file);
    if (size <= FILE_BYTES_MAX) return [{ file, text: textOf(readFileSync(file)) }];
    problems.push(
      unreadable(
        `\`${file}\` has ${size} bytes, more than ${FILE_BYTES_MAX}`,
        "split it, or leave out what is no policy",
      ),
    );
  } catch (error) {
    const isBinary =
      error instanceof TypeError && "code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA";
    if (isBinary)
      problems.push(unreadable(`\`${file}\` is not UTF-8 text`, "save it as UTF-8, or leave it out"));
    else problems.push(unreadable(`cannot read \`${file}\`: ${reasonOf(error)}`, "check the path"));
  }
  return [];
}

/** Bytes that are no UTF-8 would be read as some other name. */
function textOf(bytes: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  return code === "ENOENT" ? "no such file or folder" : code;
}

function unreadable(message: string, fix: string): Problem {
  return { code: "unreadable-input", severity: "error", message, fix };
}
