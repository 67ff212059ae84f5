import { attacks } from "../attacks/all.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Checks } from "../report/checks.ts";

/** Without Ringwall every attack gets through: what is refused later is refused by Ringwall, not by a broken attack. */
export async function baseline(lab: Lab, checks: Checks): Promise<void> {
  checks.phase("Before: no agents, every attack succeeds");
  for (const attack of attacks) {
    const { reached, detail } = await attack.attempt(lab);
    checks.add({
      tried: attack.title,
      from: attack.from,
      to: attack.to,
      expected: "gets through",
      seen: `${reached ? "gets through" : "does not"}: ${detail}`,
      passed: reached,
    });
  }
}
