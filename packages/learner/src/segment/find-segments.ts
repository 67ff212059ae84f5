import type { Workload } from "@ringwall/model";
import type { Link } from "../links.ts";
import type { Party } from "../party.ts";
import { groupByLabels } from "./by-labels.ts";
import type { Group, Partition } from "./partition.ts";
import { findRoles, type RoleContext } from "./roles/find-roles.ts";

/** Stage 3: labels given by people first, then roles found in the traffic for the rest. */
export function findSegments(
  links: readonly Link[],
  context: RoleContext & { readonly inventory: readonly Workload[] },
): Partition {
  const { groups, rest } = groupByLabels(context.inventory);
  const labelled = new Set(groups.flatMap((group) => group.members));
  const seen = context.parties.flatMap((party: Party) => (party.kind === "workload" ? [party.name] : []));
  const unlabelled = new Set([...rest, ...seen].filter((name) => !labelled.has(name)));
  const roles = unlabelled.size === 0 ? [] : findRoles(links, [...unlabelled].sort(), groups, context);
  const all: readonly Group[] = [...groups, ...roles];
  const of = new Map(
    all.flatMap((group, number) => group.members.map((member) => [member, number] as const)),
  );
  return { of, groups: all };
}
