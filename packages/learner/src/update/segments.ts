import type { Workload } from "@ringwall/model";
import type { PolicyJudge } from "../drift/policy-judge.ts";
import type { Group, Partition } from "../segment/partition.ts";
import { findRoles } from "../segment/roles/find-roles.ts";

/** The segments that are there, first, and roles for the workloads that none of them holds. */
export function segmentsWithThoseThere(
  judge: PolicyJudge,
  links: Parameters<typeof findRoles>[0],
  context: Parameters<typeof findRoles>[3],
  inventory: readonly Workload[],
): { readonly partition: Partition; readonly existing: readonly (string | undefined)[] } {
  const names = inventory.map(({ metadata }) => metadata.name);
  const byHome = Map.groupBy(names, (name) => judge.segmentOf(name));
  const groups: Group[] = judge.segments.map(({ segment }) => ({
    members: byHome.get(segment.metadata.name) ?? [],
    labels: segment.spec.workloads,
    why: segment.metadata.description ?? "it is there already",
  }));
  const held = new Set(groups.flatMap(({ members }) => members));
  const seen = new Set(context.parties.flatMap((party) => (party.kind === "workload" ? [party.name] : [])));
  const rest = [...seen].filter((name) => !held.has(name)).sort();
  const all = [...groups, ...(rest.length === 0 ? [] : findRoles(links, rest, groups, context))];
  const of = new Map(
    all.flatMap((group, number) => group.members.map((member) => [member, number] as const)),
  );
  return {
    partition: { of, groups: all },
    existing: judge.segments.map(({ segment }) => segment.metadata.name),
  };
}
