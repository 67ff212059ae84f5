import type { Problem, Segment, Software } from "@ringwall/model";
import { listOf } from "../policy-set/labels.ts";
import { runRules } from "../policy-set/run-rules.ts";
import type { World } from "./check.ts";
import { endpointsOf, statedClauses } from "./clauses.ts";
import { problemAt } from "./problem.ts";

/** Software known by its path alone: whoever can write the file is that software. */
export function softwareProblems(world: World): readonly Problem[] {
  const { set } = world;
  const enforced = softwareInBlock(world);
  return set.software.flatMap((software) => {
    if (software.spec.allowNamed === true) return [];
    return software.spec.anyOf.flatMap((entry, i): readonly Problem[] => {
      if (!isNamedOnly(entry)) return [];
      const { name } = software.metadata;
      const severity = enforced.has(name) ? "error" : "warning";
      const where = enforced.has(name) ? ", and a segment in block relies on it" : "";
      const message = `the software \`${name}\` is known by its path alone${where}`;
      return [
        problemAt(set, software, ["spec", "anyOf", i], {
          code: "named-software",
          severity,
          message,
          fix: "add `sha256` or `package`, or set `allowNamed: true`",
        }),
      ];
    });
  });
}

function isNamedOnly({ executable, script, image }: Software["spec"]["anyOf"][number]): boolean {
  const evidence = [executable?.package, executable?.sha256, script?.sha256, image];
  return evidence.every((one) => one === undefined);
}

/** Software that rules allow at, or to, segments in block. */
function softwareInBlock({ set }: World): ReadonlySet<string> {
  const blocked = new Set(set.segments.filter(blocks).map((one) => one.metadata.name));
  const names = new Set<string>();
  for (const { clause, kind } of statedClauses(set)) {
    if (kind !== "allow") continue;
    const ends = endpointsOf(clause);
    const touches = ends.some(
      ({ endpoint: { segment } }) => segment !== undefined && listOf(segment).some((one) => blocked.has(one)),
    );
    if (!touches) continue;
    for (const { endpoint } of ends) {
      const { software } = endpoint;
      if (typeof software === "string" || Array.isArray(software))
        for (const name of listOf(software)) names.add(name);
    }
  }
  for (const rule of runRules(set))
    if (rule.segments.some((one) => blocked.has(one))) for (const name of rule.software) names.add(name);
  return names;
}

function blocks({ spec: { mode, modes } }: Segment): boolean {
  return [mode, modes?.inbound, modes?.outbound, modes?.processes].includes("block");
}
