import type { Workload } from "@ringwall/model";
import type { Link } from "../links.ts";
import type { Party } from "../party.ts";
import { groupByLabels } from "./by-labels.ts";
import type { Group, Partition } from "./partition.ts";
import { findRoles, type RoleContext } from "./roles/find-roles.ts";

type Context = RoleContext & { readonly inventory: readonly Workload[] };

/** Stage 3: labels given by people first, then what they leave open, then roles found in the traffic for the rest. */
export function findSegments(links: readonly Link[], context: Context): Partition {
  const { groups, rest } = groupByLabels(context.inventory);
  const labelled = new Set(groups.flatMap((group) => group.members));
  const seen = context.parties.flatMap((party: Party) => (party.kind === "workload" ? [party.name] : []));
  const open = [...new Set([...rest, ...seen].filter((name) => !labelled.has(name)))].sort();
  const filled = fillGaps(links, groups, open, context);
  const taken = new Set(filled.flatMap((group) => group.members));
  const left = open.filter((name) => !taken.has(name));
  const all: readonly Group[] = [
    ...filled,
    ...(left.length === 0 ? [] : findRoles(links, left, filled, context)),
  ];
  const of = new Map(
    all.flatMap((group, number) => group.members.map((member) => [member, number] as const)),
  );
  return { of, groups: all };
}

/** Workloads without labels that do what one labelled group does belong to it, until somebody labels them. */
function fillGaps(
  links: readonly Link[],
  groups: readonly Group[],
  open: readonly string[],
  context: Context,
): readonly Group[] {
  if (groups.length === 0 || open.length === 0) return groups;
  const home = new Map(
    groups.flatMap((group, number) => group.members.map((member) => [member, number] as const)),
  );
  const joining = new Map<number, string[]>();
  for (const { members } of findRoles(links, [...home.keys(), ...open].sort(), [], context)) {
    const homes = new Set(members.flatMap((member) => home.get(member) ?? []));
    const [only] = homes;
    const newcomers = members.filter((member) => !home.has(member));
    if (homes.size === 1 && only !== undefined && newcomers.length > 0) {
      joining.set(only, [...(joining.get(only) ?? []), ...newcomers]);
    }
  }
  return groups.map((group, number) => withNewcomers(group, joining.get(number) ?? []));
}

function withNewcomers(group: Group, newcomers: readonly string[]): Group {
  if (newcomers.length === 0) return group;
  const names = newcomers.map((name) => `\`${name}\``).join(", ");
  // No label describes them yet, so the segment has to name its members.
  const why = `${group.why}; ${names} ${newcomers.length === 1 ? "does" : "do"} the same: label ${newcomers.length === 1 ? "it" : "them"} alike`;
  const called = Object.values(group.labels ?? {}).filter((value) => typeof value === "string");
  return { members: [...group.members, ...newcomers].sort(), labels: null, called: called.join("-"), why };
}
