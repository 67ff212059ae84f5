import type { Problem } from "@ringwall/model";
import type { EssentialConfig, Inventory, PolicySet } from "@ringwall/policy";
import { Failure, failure } from "../failure.ts";
import { loadTextFiles } from "./text-files.ts";

export type World = { readonly set: PolicySet; readonly inventory: Inventory };

/** Reads a policy folder (or files) and the inventory beside it; the same workload in both is an error. Throws Failure. */
export async function loadWorld(paths: readonly string[], inventoryFile: string | undefined): Promise<World> {
  const { inventoryOf, parsePolicy } = await import("@ringwall/policy");
  const policy = parsePolicy(loadTextFiles(paths));
  const extra = inventoryFile === undefined ? null : parsePolicy(loadTextFiles([inventoryFile]));
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
