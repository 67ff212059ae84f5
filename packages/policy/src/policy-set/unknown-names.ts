import type { Attempt, ExecRecord, Problem } from "@ringwall/model";
import { AGENT_SOFTWARE } from "./essential.ts";
import type { Inventory } from "./inventory.ts";
import { nearestName } from "./nearest-name.ts";
import type { PolicySet } from "./policy-set.ts";

/** Workloads and software that a record names and nobody has described: errors, so that a typing mistake is no verdict. */
export function unknownNames(
  set: PolicySet,
  inventory: Inventory,
  record: Attempt | ExecRecord,
): readonly Problem[] {
  if ("exec" in record) return unknownWorkload(inventory, record.workload);
  return [record.src, record.dst].flatMap((end) => [
    ...(typeof end.workload === "string" ? unknownWorkload(inventory, end.workload) : []),
    ...(typeof end.software === "string" ? unknownSoftware(set, end.software) : []),
  ]);
}

function unknownWorkload(inventory: Inventory, name: string): readonly Problem[] {
  if (inventory.byName.has(name)) return [];
  return [unknown("workload", name, nearestName(name, inventory.byName.keys()))];
}

function unknownSoftware(set: PolicySet, name: string): readonly Problem[] {
  const known = set.software.map((one) => one.metadata.name);
  if (name === AGENT_SOFTWARE || known.includes(name)) return [];
  return [unknown("software", name, nearestName(name, known))];
}

function unknown(what: "workload" | "software", name: string, nearest: string | undefined): Problem {
  const describe =
    what === "workload"
      ? "describe it in the inventory, or give only its address"
      : "describe it as Software, or give its executable and digest";
  return {
    code: `unknown-${what}`,
    severity: "error",
    message: `no ${what} is named \`${name}\``,
    fix: nearest === undefined ? describe : `did you mean \`${nearest}\`?`,
  };
}
