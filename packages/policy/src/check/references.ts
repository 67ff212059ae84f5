import type { Policy, Problem, Resource } from "@ringwall/model";
import { AGENT_SOFTWARE } from "../policy-set/essential.ts";
import { listOf } from "../policy-set/labels.ts";
import { nearestName } from "../policy-set/nearest-name.ts";
import type { World } from "./check.ts";
import { endpointsOf, statedClauses } from "./clauses.ts";
import { problemAt } from "./problem.ts";

type Kind = "segment" | "software" | "workload";
type Path = readonly (string | number)[];

/** Names that no resource has: nothing in an allow, everything in a deny, and in any case not what was meant. */
export function referenceProblems(world: World): readonly Problem[] {
  const { set, inventory } = world;
  const known: Record<Kind, ReadonlySet<string>> = {
    segment: new Set(set.segments.map((one) => one.metadata.name)),
    software: new Set([...set.software.map((one) => one.metadata.name), AGENT_SOFTWARE]),
    workload: new Set(inventory.byName.keys()),
  };
  const look = (kind: Kind, names: string | readonly string[], resource: Resource, path: Path) =>
    listOf(names)
      .filter((name) => !known[kind].has(name))
      .map((name) => problemAt(set, resource, path, unresolved(kind, name, known[kind])));
  const inClauses = statedClauses(set).flatMap(({ resource, path, clause }) =>
    endpointsOf(clause).flatMap(({ side, endpoint: { segment, workload, software } }) => {
      const names = software === undefined || isPlain(software) ? software : software.not;
      return [
        ...(segment === undefined ? [] : look("segment", segment, resource, [...path, side, "segment"])),
        ...(workload === undefined ? [] : look("workload", workload, resource, [...path, side, "workload"])),
        ...(names === undefined ? [] : look("software", names, resource, [...path, side, "software"])),
      ];
    }),
  );
  return [...inClauses, ...set.policies.flatMap((policy) => runReferences(policy, look))];
}

function runReferences(
  policy: Policy,
  look: (kind: Kind, names: string | readonly string[], resource: Resource, path: Path) => readonly Problem[],
): readonly Problem[] {
  return policy.spec.rules.flatMap((rule, i) => {
    if (!("run" in rule)) return [];
    const path = ["spec", "rules", i, "run"];
    return [
      ...look("segment", rule.run.segment, policy, [...path, "segment"]),
      ...look("software", rule.run.software, policy, [...path, "software"]),
    ];
  });
}

function isPlain(software: string | string[] | { not: string | string[] }): software is string | string[] {
  return typeof software === "string" || Array.isArray(software);
}

function unresolved(kind: Kind, name: string, known: ReadonlySet<string>): Omit<Problem, "place"> {
  const nearest = nearestName(name, known);
  const describe = kind === "workload" ? "add it to the inventory" : `write a \`${kind}\` with this name`;
  return {
    code: `unknown-${kind}`,
    severity: "error",
    message: `no ${kind} is named \`${name}\``,
    fix: nearest === undefined ? describe : `did you mean \`${nearest}\`?`,
  };
}
