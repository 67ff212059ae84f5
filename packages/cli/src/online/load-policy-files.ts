import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "@ringwall/model";
import { Failure } from "../failure.ts";

/** As the protocol has it: so many files make a draft at most. */
const FILES_MAX = 10_000;
const FILE_BYTES_MAX = 4 * 1024 * 1024;

export type PolicyFile = { readonly file: string; readonly text: string };

/** Reads the YAML files named or below the folders named, in the order of their names. Throws Failure with all problems. */
export function loadPolicyFiles(paths: readonly string[]): PolicyFile[] {
  const problems: Problem[] = [];
  const names = [...new Set(paths.flatMap((path) => filesAt(path, problems)))];
  if (names.length > FILES_MAX)
    problems.push(problem(`${names.length} files are more than ${FILES_MAX}`, "name fewer"));
  const files = problems.length > 0 ? [] : names.flatMap((file) => load(file, problems));
  if (problems.length > 0) throw new Failure(problems);
  return files;
}

function filesAt(path: string, problems: Problem[]): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const found = globSync("**/*.{yaml,yml}", { cwd: path }).sort();
    if (found.length === 0)
      problems.push(problem(`no .yaml or .yml file in \`${path}\``, "name the folder that holds the policy"));
    return found.map((name) => join(path, name));
  } catch (error) {
    problems.push(unreadable(path, error));
    return [];
  }
}

function load(file: string, problems: Problem[]): PolicyFile[] {
  try {
    const bytes = statSync(file).size;
    if (bytes > FILE_BYTES_MAX) {
      problems.push(problem(`\`${file}\` has ${bytes} bytes, more than ${FILE_BYTES_MAX}`, "split it"));
      return [];
    }
    return [{ file, text: readFileSync(file, "utf8") }];
  } catch (error) {
    problems.push(unreadable(file, error));
    return [];
  }
}

function unreadable(path: string, error: unknown): Problem {
  const code = (error as NodeJS.ErrnoException).code;
  return problem(
    `cannot read \`${path}\`: ${code === "ENOENT" ? "no such file or folder" : String(code)}`,
    "check the path",
  );
}

function problem(message: string, fix: string): Problem {
  return { code: "unreadable-input", severity: "error", message, fix };
}
