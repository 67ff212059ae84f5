import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Resource } from "@ringwall/model";
import { parsePolicy, resourcesOf } from "@ringwall/policy";
import { Failure, failure } from "../failure.ts";

export type PolicyText = { readonly path: string; readonly text: string };
export type PolicyFolder = { readonly files: readonly PolicyText[]; readonly resources: readonly Resource[] };

/** Reads the YAML files below a policy folder, as text and as resources. Throws Failure with all problems. */
export function loadPolicyFolder(folder: string): PolicyFolder {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw failure("unreadable-input", `\`${folder}\` is no folder`, "name the folder that holds the policy");
  }
  const names = globSync("**/*.{yaml,yml}", { cwd: folder }).sort();
  const files = names.map((name) => ({ path: name, text: readFileSync(path.join(folder, name), "utf8") }));
  const parsed = parsePolicy(files.map((file) => ({ file: path.join(folder, file.path), text: file.text })));
  if (!parsed.ok) throw new Failure(parsed.error);
  return { files, resources: resourcesOf(parsed.value) };
}
