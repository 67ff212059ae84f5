import type { Resource } from "@ringwall/model";
import { clean } from "../clean/clean.ts";
import { type DriftResult, drift, subjectOf } from "../drift/drift.ts";
import { recognise } from "../drift/known-software.ts";
import { type PolicyJudge, policyJudge } from "../drift/policy-judge.ts";
import type { LearnInput } from "../edge.ts";
import { readinessOf } from "../judge/readiness.ts";
import { endOf, segmentDocument, usedSoftware, withRunRules } from "../learn.ts";
import { linkTable } from "../links.ts";
import { uniqueName } from "../names.ts";
import { execJudge, ungovernedNotes } from "../programs/exec-judge.ts";
import { runRules } from "../programs/run-rules.ts";
import { ruleReport } from "../report/rules.ts";
import { setAsideReport } from "../report/set-aside.ts";
import type { LearnReport } from "../result.ts";
import { remember } from "../review/remembered.ts";
import { draftRules } from "../rules/draft-rules.ts";
import { policiesOf, policyDocuments } from "../rules/policies.ts";
import { nameSegments } from "../segment/name-segments.ts";
import { nameSoftware } from "../software/name-software.ts";
import type { SoftwareGroup } from "../software/software-group.ts";
import { applyEdits, type Edit } from "./edits.ts";
import { segmentsWithThoseThere } from "./segments.ts";
import { digestEdits } from "./software-edits.ts";

export type UpdateInput = Omit<LearnInput, "taken"> & {
  /** The policy as people have it. */
  readonly resources: readonly Resource[];
};

export type UpdateResult = {
  readonly edits: readonly Edit[];
  /** New documents; nothing that was there is among them. */
  readonly added: readonly Resource[];
  /** Of the new rules and of what was set aside; segments are all there are then. */
  readonly report: LearnReport;
  readonly drift: DriftResult;
};

/**
 * What to change in a policy so that it fits what was seen since: members of segments and digests of software by edits,
 * everything else as documents of its own. What people wrote stays as it is. Null where the inventory is not valid.
 */
export function update(input: UpdateInput): UpdateResult | null {
  const changes = drift(input);
  const edits = [...memberEdits(changes), ...digestEdits(changes, input.resources, input.edges)];
  const judge = policyJudge(applyEdits(input.resources, edits), input.inventory);
  if (judge === null) return null;
  const names = new Set(input.resources.map(({ metadata }) => metadata.name));
  const execs = input.execs ?? [];
  const software = renamed(nameSoftware(input.edges, new Set(names), execs), judge);
  const { parties, links } = linkTable(input.edges, input.inventory, software);
  const context = { parties, software: software.groups };
  const cleaned = clean(links, { ...context, essential: input.essential ?? [] });
  const { partition, existing } = segmentsWithThoseThere(judge, cleaned.kept, context, input.inventory);
  const fresh = nameSegments(partition, { ...context, links: cleaned.kept }, new Set(names));
  const segments = partition.groups.map((_, number) => existing[number] ?? fresh[number] ?? "");
  const settled = new Set(links.filter((link) => judge.allows(subjectOf(link, parties, software)) !== false));
  const { tightness } = input;
  const remembered = remember(input.rejected ?? [], input.inventory, partition);
  const drafted = draftRules(cleaned.kept, {
    ...context,
    partition,
    tightness,
    isSettled: (link) => settled.has(link),
    remembered,
  });
  const sizes = partition.groups.map(({ members }) => members.length);
  const fleet = { sizes, coverage: drafted.coverage, tightness };
  const placed = policiesOf(drafted.rules, { segments, software: software.groups, fleet }, names);
  const nameOf = namesApart(names);
  const rules = placed.rules.map((rule) => ({ ...rule, policy: nameOf(rule.policy) }));
  const run = runRules(execs, {
    segments,
    software: software.groups,
    softwareOf: (exec) => software.of(endOf(exec)),
    partition,
    remembered,
    isSettled: execJudge(input.resources, input.inventory),
  });
  const newRuns = run.rules.map(({ policy, rule }) => ({ policy: nameOf(policy), rule }));
  const known = new Set(judge.software.map(({ metadata }) => metadata.name));
  const used = [
    ...rules.flatMap(({ draft }) => [...draft.fromSoftware, ...draft.toSoftware]),
    ...run.software,
  ];
  const added = partition.groups.flatMap((group, number) =>
    existing[number] === undefined ? [segmentDocument(segments[number] ?? "", group)] : [],
  );
  const { reported, overPermission } = ruleReport(rules, partition);
  return {
    edits,
    added: [
      ...usedSoftware(used, software.groups).filter(({ metadata }) => !known.has(metadata.name)),
      ...run.packages.filter(({ metadata }) => !known.has(metadata.name)),
      ...added,
      ...withRunRules(policyDocuments(rules), newRuns),
    ],
    report: {
      segments: partition.groups.map(({ members, why }, number) => ({
        name: segments[number] ?? "",
        members,
        why,
      })),
      rules: [...reported, ...run.reported.map((rule) => ({ ...rule, policy: nameOf(rule.policy) }))],
      overPermission,
      setAside: [
        ...setAsideReport(
          [...cleaned.aside, ...drafted.aside].filter(({ link }) => !settled.has(link)),
          context,
        ),
        ...run.setAside,
      ],
      readiness: readinessOf(
        cleaned.kept.filter((link) => settled.has(link)),
        { parties, partition, segmentNames: segments },
      ),
      curve: [],
      order: [],
      notes: [
        ...(input.edges.length === 0 ? ["the window is empty: there is nothing to learn from"] : []),
        ...ungovernedNotes([...input.resources, ...added], run.governed),
      ],
    },
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

/** New rules stand in policies of their own, so that nobody's text is touched. */
function namesApart(names: ReadonlySet<string>): (policy: string) => string {
  const taken = new Set(names);
  const own = new Map<string, string>();
  return (policy) => {
    const name = own.get(policy) ?? uniqueName(taken.has(policy) ? [`${policy}-learned`] : [policy], taken);
    own.set(policy, name);
    return name;
  };
}
