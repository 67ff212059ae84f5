import type { Problem } from "@ringwall/model";
import type { EssentialConfig, Inventory, PolicySet } from "@ringwall/policy";
import { Failure, failure } from "../failure.ts";
import { note } from "../output/print.ts";
import { loadTextFiles, type TextFile } from "./text-files.ts";

export type World = { readonly set: PolicySet; readonly inventory: Inventory };

/** Reads a policy folder (or files) and the inventory beside it; the same workload in both is an error. Throws Failure. */
export async function loadWorld(paths: readonly string[], inventoryFile: string | undefined): Promise<World> {
  const { inventoryOf, parsePolicy } = await import("@ringwall/policy");
  const files = loadTextFiles(paths);
  const extraFiles = inventoryFile === undefined ? null : loadTextFiles([inventoryFile]);
  for (const file of [...files, ...(extraFiles ?? [])])
    if (isBlank(file)) note(`no document in \`${file.file}\`: it is empty, or holds only comments`);
  const policy = parsePolicy(files);
  const extra = extraFiles === null ? null : parsePolicy(extraFiles);
  const problems: Problem[] = [
    ...(policy.ok ? [] : policy.error),
    ...(extra === null || extra.ok ? [] : extra.error),
  ];
  if (!policy.ok || (extra !== null && !extra.ok)) throw new Failure(problems);
  const { value: set } = policy;
  const inventory = inventoryOf(
    [...set.workloads, ...(extra?.value.workloads ?? [])],
    (one, path) => set.locate(one, path) ?? extra?.value.locate(one, path),
  );
  if (!inventory.ok) throw new Failure(inventory.error);
  return { set, inventory: inventory.value };
}

/** Nothing wrong, but mostly a mistake: what a pipe or a template should have brought. */
function isBlank({ text }: TextFile): boolean {
  return !/^[^\S\n]*[^\s#]/m.test(text);
}

/** Reads the essential flows' configuration (YAML or JSON). Throws Failure. */
export async function loadEssential(file: string | undefined): Promise<EssentialConfig | undefined> {
  if (file === undefined) return undefined;
  const { parseEssential } = await import("@ringwall/policy");
  const [text] = loadTextFiles([file]);
  if (text === undefined) throw failure("unreadable-input", `cannot read \`${file}\``, "check the path");
  const parsed = parseEssential(text);
  if (!parsed.ok) throw new Failure(parsed.error);
  return parsed.value;
}
