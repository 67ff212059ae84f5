import type { Policy, Resource, Segment } from "@ringwall/model";
import { API_VERSION, NAME_LABEL, nameLabel } from "@ringwall/model";
import { clean } from "./clean/clean.ts";
import type { EdgeEnd, LearnInput } from "./edge.ts";
import type { Exec } from "./exec.ts";
import { orderOfBlocking } from "./judge/order.ts";
import { readinessOf } from "./judge/readiness.ts";
import { type Link, linkTable } from "./links.ts";
import { ungovernedNotes } from "./programs/exec-judge.ts";
import { type RunRules, runRules } from "./programs/run-rules.ts";
import { ruleReport } from "./report/rules.ts";
import { type Aside, setAsideReport } from "./report/set-aside.ts";
import type { LearnResult } from "./result.ts";
import { remember } from "./review/remembered.ts";
import { draftRules } from "./rules/draft-rules.ts";
import { policiesOf, policyDocument } from "./rules/policies.ts";
import { findSegments } from "./segment/find-segments.ts";
import { nameSegments } from "./segment/name-segments.ts";
import type { Group } from "./segment/partition.ts";
import { nameSoftware } from "./software/name-software.ts";
import { softwareDocument } from "./software/software-group.ts";

/**
 * From edges to segments, software and rules, with the evidence for each. Never throws for any input: what can't be
 * learned is said in `report.notes`, and yields no rule.
 */
export function learn(input: LearnInput): LearnResult {
  const execs = input.execs ?? [];
  input.onStage?.("naming software");
  const software = nameSoftware(input.edges, new Set(input.taken), execs);
  const table = linkTable(input.edges, input.inventory, software);
  const context = { parties: table.parties, software: software.groups };
  input.onStage?.("cleaning");
  const cleaned = clean(table.links, { ...context, essential: input.essential ?? [] });
  input.onStage?.("finding segments");
  const partition = findSegments(cleaned.kept, { ...context, inventory: input.inventory });
  const segmentNames = nameSegments(partition, { ...context, links: cleaned.kept }, new Set(input.taken));
  const words = { segments: segmentNames, software: software.groups };
  const taken = new Set(input.taken);
  const sizes = partition.groups.map(({ members }) => members.length);
  const remembered = remember(input.rejected ?? [], input.inventory, partition);
  const propose = (tightness: number): Proposal => {
    const drafted = draftRules(cleaned.kept, { ...context, partition, tightness, remembered });
    const fleet = { sizes, coverage: drafted.coverage, tightness };
    const placed = policiesOf(drafted.rules, { ...words, fleet }, taken);
    return { drafted, ...placed, ...ruleReport(placed.rules, partition) };
  };
  input.onStage?.("writing rules");
  const { drafted, policies, rules, reported, overPermission } = propose(input.tightness);
  const run = runRules(execs, {
    ...words,
    partition,
    remembered,
    softwareOf: (exec) => software.of(endOf(exec)),
  });
  const aside: Aside[] = [...cleaned.aside, ...drafted.aside];
  const segments = partition.groups.map((group, number) =>
    segmentDocument(segmentNames[number] ?? "", group),
  );
  input.onStage?.("judging");
  const curve = tightnesses(input.tightness, cleaned.kept.length).map((tightness) => {
    const point = tightness === input.tightness ? { rules, overPermission } : propose(tightness);
    return { tightness, rules: point.rules.length, overPermission: point.overPermission };
  });
  return {
    resources: [
      ...usedSoftware(
        [...drafted.rules.flatMap((rule) => [...rule.fromSoftware, ...rule.toSoftware]), ...run.software],
        software.groups,
      ),
      ...run.packages,
      ...segments,
      ...withRunRules(policies, run.rules),
    ],
    report: {
      segments: partition.groups.map(({ members, why }, number) => ({
        name: segmentNames[number] ?? "",
        members,
        why,
      })),
      rules: [...reported, ...run.reported],
      overPermission,
      setAside: [...setAsideReport(aside, context), ...run.setAside],
      readiness: readinessOf(
        drafted.rules.flatMap((rule) => rule.links),
        { ...context, partition, segmentNames },
      ),
      curve,
      order: orderOfBlocking(drafted.rules, segmentNames),
      notes: [
        ...notesOf(input, cleaned.kept, drafted.rules.length),
        ...ungovernedNotes(segments, run.governed),
      ],
    },
  };
}

type Proposal = { readonly drafted: ReturnType<typeof draftRules> } & ReturnType<typeof policiesOf> &
  ReturnType<typeof ruleReport>;

/** Links from which on the curve has three points only: each costs a writing of all rules. */
const CURVE_LINKS_MAX = 50_000;

/** The points of the curve, the chosen one among them. */
function tightnesses(chosen: number, links: number): readonly number[] {
  const others = links > CURVE_LINKS_MAX ? [0.1, 0.9] : [0.1, 0.3, 0.5, 0.7, 0.9];
  return [...new Set([...others, chosen])].sort((a, b) => a - b);
}

/** The same end as a flow of this program would have. */
export function endOf({ workload, process }: Exec): EdgeEnd {
  return { workload, ip: null, fqdn: null, process };
}

/** Each run rule behind the other rules of its policy; a policy that has none is made. */
export function withRunRules(policies: readonly Policy[], run: RunRules["rules"]): readonly Policy[] {
  const byPolicy = new Map(run.map(({ policy, rule }) => [policy, rule]));
  const extended = policies.map((policy) => {
    const rule = byPolicy.get(policy.metadata.name);
    byPolicy.delete(policy.metadata.name);
    return rule === undefined ? policy : { ...policy, spec: { rules: [...policy.spec.rules, rule] } };
  });
  return [...extended, ...[...byPolicy].map(([name, rule]) => policyDocument(name, [rule]))];
}

export function segmentDocument(name: string, group: Group): Segment {
  return {
    apiVersion: API_VERSION,
    kind: "Segment",
    metadata: { name, description: group.why },
    spec: {
      workloads: group.labels ?? { [NAME_LABEL]: group.members.map(nameLabel) },
      // Not `processes`: who puts the segment into block would refuse every program not met so far. That is a step of its own.
      modes: { inbound: "observe", outbound: "observe" },
    },
  };
}

export function usedSoftware(
  ids: readonly number[],
  groups: ReturnType<typeof nameSoftware>["groups"],
): readonly Resource[] {
  const used = new Set(ids);
  return groups.filter((group) => used.has(group.id) && !group.named).map(softwareDocument);
}

/** Says plainly what the input did not carry. */
function notesOf(input: LearnInput, kept: readonly Link[], rules: number): readonly string[] {
  const notes: string[] = [];
  if (input.edges.length === 0)
    return ["the window is empty: there is nothing to learn from, and no rule was written"];
  if (rules === 0)
    notes.push(
      "nothing in the window is fit to become a rule; what was seen stands under what was set aside, each with its reason",
    );
  const unknown = kept.filter((link) => link.srcSoftware === -1 && link.srcIp === null).length;
  if (unknown > 0) {
    notes.push(
      `${unknown} of ${kept.length} edges come from workloads whose program was not recorded: ` +
        "their rules name no software and are wider for it; run the agent there",
    );
  }
  return notes;
}
