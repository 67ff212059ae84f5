import type { Policy, Resource, Workload } from "@ringwall/model";
import { clean } from "../clean/clean.ts";
import { type DriftResult, drift, subjectOf } from "../drift/drift.ts";
import { recognise } from "../drift/known-software.ts";
import { type PolicyJudge, policyJudge } from "../drift/policy-judge.ts";
import type { LearnInput } from "../edge.ts";
import { segmentDocument, usedSoftware } from "../learn.ts";
import { linkTable } from "../links.ts";
import { uniqueName } from "../names.ts";
import { ruleReport } from "../report/rules.ts";
import { type Aside, setAsideReport } from "../report/set-aside.ts";
import type { LearnedRule, SetAside } from "../result.ts";
import { draftRules } from "../rules/draft-rules.ts";
import { policiesOf } from "../rules/policies.ts";
import { nameSegments } from "../segment/name-segments.ts";
import type { Group, Partition } from "../segment/partition.ts";
import { findRoles } from "../segment/roles/find-roles.ts";
import { nameSoftware } from "../software/name-software.ts";
import type { SoftwareGroup } from "../software/software-group.ts";
import { applyEdits, type Edit } from "./edits.ts";

/** A rule that a person turned down; the same one is not proposed again. */
export type Rejection = { readonly allow: unknown; readonly reason: string };

export type UpdateInput = Omit<LearnInput, "taken"> & {
  /** The policy as people have it. */
  readonly resources: readonly Resource[];
  readonly rejected: readonly Rejection[];
};

export type UpdateResult = {
  readonly edits: readonly Edit[];
  /** New documents; nothing that was there is among them. */
  readonly added: readonly Resource[];
  readonly rules: readonly LearnedRule[];
  readonly setAside: readonly SetAside[];
  readonly drift: DriftResult;
};

/**
 * What to change in a policy so that it fits what was seen since: members of segments and digests of software by edits,
 * everything else as documents of its own. What people wrote stays as it is. Null where the inventory is not valid.
 */
export function update(input: UpdateInput): UpdateResult | null {
  const changes = drift(input);
  const edits = [...memberEdits(changes), ...digestEdits(changes, input)];
  const resources = applyEdits(input.resources, edits);
  const judge = policyJudge(resources, input.inventory);
  if (judge === null) return null;
  const names = new Set(input.resources.map(({ metadata }) => metadata.name));
  const software = renamed(nameSoftware(input.edges, new Set(names)), judge);
  const { parties, links } = linkTable(input.edges, input.inventory, software);
  const context = { parties, software: software.groups };
  const cleaned = clean(links, { ...context, essential: input.essential ?? [] });
  const { partition, existing } = segmentsOf(judge, cleaned.kept, context, input.inventory);
  const fresh = nameSegments(partition, { ...context, links: cleaned.kept }, new Set(names));
  const segments = partition.groups.map((_, number) => existing[number] ?? fresh[number] ?? "");
  const settled = new Set(links.filter((link) => judge.allows(subjectOf(link, parties, software)) !== false));
  const drafted = draftRules(cleaned.kept, {
    ...context,
    partition,
    tightness: input.tightness,
    isSettled: (link) => settled.has(link),
  });
  const placed = policiesOf(
    drafted.rules,
    { segments, software: software.groups, tightness: input.tightness },
    names,
  );
  const rejected = new Set(input.rejected.map(({ allow }) => JSON.stringify(allow)));
  const rules = placed.rules.filter(
    ({ rule }) => !("allow" in rule && rejected.has(JSON.stringify(rule.allow))),
  );
  const policies = policiesApart(rules, names);
  const open = (aside: Aside): boolean => !settled.has(aside.link);
  const known = new Set(judge.software.map(({ metadata }) => metadata.name));
  const used = rules.flatMap(({ draft }) => [...draft.fromSoftware, ...draft.toSoftware]);
  return {
    edits,
    added: [
      ...usedSoftware(used, software.groups).filter(({ metadata }) => !known.has(metadata.name)),
      ...partition.groups.flatMap((group, number) =>
        existing[number] === undefined ? [segmentDocument(segments[number] ?? "", group)] : [],
      ),
      ...policies,
    ],
    rules: ruleReport(rules, partition).reported,
    setAside: setAsideReport([...cleaned.aside, ...drafted.aside].filter(open), context),
    drift: changes,
  };
}

function memberEdits({ replicas }: DriftResult): readonly Edit[] {
  return replicas.map(({ workload, segment, words }) => ({
    kind: "add-member",
    segment,
    workload,
    why: words,
  }));
}

/** Digests of upgrades that something vouches for, where the document lists digests. */
function digestEdits(changes: DriftResult, { resources, edges }: UpdateInput): readonly Edit[] {
  if (!changes.drifted.some((edge) => edge.class === "known-upgrade")) return [];
  const documents = resources.filter((one) => one.kind === "Software");
  const upgraded = new Map(
    changes.drifted.flatMap((edge) =>
      edge.class === "known-upgrade" ? [[softwareIn(edge.words), edge.words] as const] : [],
    ),
  );
  const edits = new Map<string, Edit>();
  for (const edge of edges) {
    for (const { process } of [edge.src, edge.dst]) {
      if (process === null) continue;
      const found = recognise(process, documents);
      const why = found.kind === "changed" ? upgraded.get(found.software) : undefined;
      if (found.kind !== "changed" || why === undefined) continue;
      const isScript = process.script !== null && process.scriptSha256 !== null;
      const [path, sha256] = isScript
        ? [process.script, process.scriptSha256]
        : [process.exe, process.exeSha256];
      if (path === null || sha256 === null) continue;
      edits.set(`${found.software} ${sha256}`, {
        kind: "add-digest",
        software: found.software,
        path,
        sha256,
        why,
      });
    }
  }
  return [...edits.values()];
}

/** The software's name stands first in the sentence of an upgrade, in backticks. */
function softwareIn(words: string): string {
  return words.split("`")[1] ?? "";
}

/** Programs that the policy knows keep its names for them. */
function renamed(
  index: ReturnType<typeof nameSoftware>,
  judge: PolicyJudge,
): ReturnType<typeof nameSoftware> {
  const groups = index.groups.map((group): SoftwareGroup => {
    const known = group.identities
      .map((identity) => recognise(identity, judge.software))
      .find((one) => one.kind === "known");
    // What the policy knows by its content needs no further word for it.
    return known === undefined ? group : { ...group, name: known.software, suspect: null };
  });
  return { groups, of: index.of };
}

/** The segments that are there, first, and roles for the workloads that none of them holds. */
function segmentsOf(
  judge: PolicyJudge,
  links: Parameters<typeof findRoles>[0],
  context: Parameters<typeof findRoles>[3],
  inventory: readonly Workload[],
): { readonly partition: Partition; readonly existing: readonly (string | undefined)[] } {
  const groups: Group[] = judge.segments.map(({ segment }) => ({
    members: inventory
      .map(({ metadata }) => metadata.name)
      .filter((name) => judge.segmentOf(name) === segment.metadata.name),
    labels: segment.spec.workloads,
    why: "it is there already",
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

/** New rules stand in policies of their own, so that nobody's text is touched. */
function policiesApart(
  rules: ReturnType<typeof policiesOf>["rules"],
  names: ReadonlySet<string>,
): readonly Policy[] {
  const taken = new Set(names);
  return [...Map.groupBy(rules, ({ policy }) => policy)].map(([name, own]) => ({
    apiVersion: "ringwall.dev/v1",
    kind: "Policy",
    metadata: { name: uniqueName(taken.has(name) ? [`${name}-learned`] : [name], taken) },
    spec: { rules: own.map(({ rule }) => rule) },
  }));
}
