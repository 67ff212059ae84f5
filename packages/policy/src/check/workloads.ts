import { formatAddress, type Problem } from "@ringwall/model";
import type { World } from "./check.ts";
import { problemAt } from "./problem.ts";

/** Addresses with several owners: whoever is met there can't be told, so no allow that names a workload holds. */
export function inventoryProblems({ set, inventory }: World): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [address, owners] of inventory.byAddress) {
    const [first, second] = owners;
    if (first === undefined || second === undefined) continue;
    const names = owners.map((one) => `\`${one.metadata.name}\``).join(", ");
    const message = `the address ${formatAddress(address)} belongs to ${names}: no rule about workloads holds for it`;
    const fix = "give each its own address, or describe the shared one as a workload of its own";
    problems.push(
      problemAt(set, second, ["spec", "addresses"], {
        code: "shared-address",
        severity: "warning",
        message,
        fix,
      }),
    );
  }
  return problems;
}
