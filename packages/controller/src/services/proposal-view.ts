import { formatRule, type LearnedRule, type ProposedRule, proposedRules } from "@ringwall/learner";
import type { ProposalView, RejectionView } from "@ringwall/protocol/rest";
import { summaryOf } from "../jobs/fleet-views.ts";
import { mapInStretches } from "../jobs/stretches.ts";
import { type Proposal, type Review, reviewKey } from "../store/state/proposals.ts";

export type Offered = { readonly policy: string; readonly rule: ProposedRule };

/** The rules that the learner proposed, not those that were in the draft before. */
export function offeredRules({
  resources,
  report,
}: Proposal): ReadonlyMap<string, Offered & { readonly learned: LearnedRule }> {
  const rules = proposedRules(resources);
  return new Map(
    report.rules.flatMap((learned) => {
      const id = `${learned.policy}/${learned.rule}`;
      const found = rules.get(id);
      return found === undefined ? [] : [[id, { ...found, learned }] as const];
    }),
  );
}

/** Some thousands of rules, each as text: heartbeats get through meanwhile. */
export async function viewOf(proposal: Proposal, reviews: readonly Review[]): Promise<ProposalView> {
  const { madeAt, madeBy, since, kind, edits, report } = proposal;
  const byKey = new Map(reviews.map((review) => [review.key, review]));
  const fresh = new Set(proposal.fresh);
  return {
    madeAt: madeAt.toISOString(),
    madeBy,
    since,
    kind,
    rules: await mapInStretches(offeredRules(proposal), ([id, { policy, rule, learned }]) => {
      const review = byKey.get(reviewKey(policy, rule));
      return {
        id,
        policy,
        rule: rule.name,
        kind: "run" in rule ? ("run" as const) : ("allow" as const),
        summary: summaryOf(rule),
        text: `${formatRule(rule).join("\n")}\n`,
        evidence: learned.evidence,
        overPermission: learned.overPermission,
        confidence: learned.confidence,
        state: review?.state ?? ("open" as const),
        reason: review?.rejection.reason ?? "",
        by: review?.actor ?? null,
        decidedAt: review?.time.toISOString() ?? null,
      };
    }),
    segments: report.segments.map(({ name, members, why }) => ({
      name,
      members: [...members],
      why,
      isNew: fresh.has(name),
    })),
    edits: edits.map((edit) =>
      edit.kind === "add-member"
        ? { kind: edit.kind, target: edit.segment, what: edit.workload, why: edit.why }
        : { kind: edit.kind, target: edit.software, what: `${edit.path} ${edit.sha256}`, why: edit.why },
    ),
    setAside: report.setAside.map(({ edge, ...finding }) => ({
      source: edge.src,
      sourceSoftware: edge.srcSoftware,
      destination: edge.dst,
      destinationSoftware: edge.dstSoftware,
      port: edge.port,
      ...finding,
    })),
    readiness: [...report.readiness],
    curve: [...report.curve],
    overPermission: report.overPermission,
    order: [...report.order],
    notes: [...report.notes],
  };
}

export function rejectionView({ id, rejection, actor, time }: Review): RejectionView {
  const { policy, rule, reason } = rejection;
  const text = `${formatRule(rule).join("\n")}\n`;
  return {
    id,
    policy,
    rule: rule.name,
    summary: summaryOf(rule),
    text,
    reason,
    by: actor,
    time: time.toISOString(),
  };
}
