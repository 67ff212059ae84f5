import {
  formatRule,
  type LearnedRule,
  type ProposedRule,
  proposedRules,
  rejectionOf,
  withoutRule,
  withRule,
} from "@ringwall/learner";
import { fail, ok, type Resource } from "@ringwall/model";
import type { ProposalView, RejectionView, ReviewBody } from "@ringwall/protocol/rest";
import type { Transaction } from "kysely";
import type { Actor, UserServices } from "../api/users/services.ts";
import { DRAFT_FILE } from "../jobs/draft.ts";
import { summaryOf } from "../jobs/fleet-views.ts";
import { type Refusal, refusal } from "../refusal.ts";
import { recordAudit } from "../store/state/audit.ts";
import {
  deleteReview,
  loadProposal,
  loadReviews,
  type Proposal,
  type Review,
  reviewKey,
  saveReview,
} from "../store/state/proposals.ts";
import { loadDraftToChange, saveDraft } from "../store/state/revisions.ts";
import type { DraftFile, Tables } from "../store/state/tables.ts";
import type { UserServicesParts } from "./parts.ts";

type Decision = ReviewBody["decisions"][number];
type Offered = { readonly policy: string; readonly rule: ProposedRule };

/** People's word on what the learner proposed, rule by rule. */
export function createReview(
  parts: UserServicesParts,
): Pick<UserServices, "proposal" | "review" | "rejections" | "forgetRejection"> {
  const { db } = parts;
  return {
    async proposal() {
      const proposal = await loadProposal(db);
      return proposal === null ? fail(noProposal()) : ok(viewOf(proposal, await loadReviews(db)));
    },
    async review({ decisions }, actor) {
      const result = await db.transaction().execute(async (transaction) => {
        const draft = await loadDraftToChange(transaction);
        const proposal = await loadProposal(transaction);
        if (proposal === null) return fail(noProposal());
        const offered = offeredRules(proposal);
        const unknown = decisions.find(({ rule }) => !offered.has(rule));
        if (unknown !== undefined) return fail(unknownRule(unknown.rule));
        const states = new Map((await loadReviews(transaction)).map(({ key, state }) => [key, state]));
        let { files } = draft;
        for (const decision of decisions) {
          const one = offered.get(decision.rule);
          if (one === undefined) continue;
          const key = reviewKey(one.policy, one.rule);
          files = changedFiles(files, decision, one, states.get(key));
          await saveDecision(transaction, key, decision, one, proposal.resources, actor);
        }
        if (files !== draft.files) await saveDraft(transaction, files, draft.basedOn);
        await recordAudit(transaction, actor.name, "review", { decisions });
        return ok(viewOf(proposal, await loadReviews(transaction)));
      });
      if (result.ok) parts.onChange();
      return result;
    },
    async rejections() {
      const reviews = await loadReviews(db);
      return reviews.filter(({ state }) => state === "rejected").map(rejectionView);
    },
    async forgetRejection(id, actor) {
      const review = (await loadReviews(db)).find((one) => one.id === id && one.state === "rejected");
      if (review === undefined) return fail(unknownRejection(id));
      await deleteReview(db, review.key);
      const { policy, rule } = review.rejection;
      await recordAudit(db, actor.name, "forget rejection", { rule: `${policy}/${rule.name}` });
      parts.onChange();
      return ok({ forgotten: id });
    },
  };
}

async function saveDecision(
  transaction: Transaction<Tables>,
  key: string,
  decision: Decision,
  { policy, rule }: Offered,
  resources: readonly Resource[],
  { name }: Actor,
): Promise<void> {
  if (decision.state === "open") return deleteReview(transaction, key);
  const reason = decision.state === "rejected" ? decision.reason : "";
  const rejection = rejectionOf(policy, rule, resources, reason);
  return saveReview(transaction, { key, state: decision.state, rejection, actor: name });
}

/** The draft without a rule that is rejected now, or with one back that was. */
function changedFiles(
  files: readonly DraftFile[],
  { state }: Decision,
  { policy, rule }: Offered,
  former: Review["state"] | undefined,
): readonly DraftFile[] {
  if (state === "rejected") return withoutRule(files, policy, rule);
  return former === "rejected" ? withRule(files, policy, rule, { file: DRAFT_FILE, text: "" }) : files;
}

/** The rules that the learner proposed, not those that were in the draft before. */
function offeredRules({
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

function viewOf(proposal: Proposal, reviews: readonly Review[]): ProposalView {
  const { madeAt, madeBy, since, kind, edits, report } = proposal;
  const byKey = new Map(reviews.map((review) => [review.key, review]));
  const fresh = new Set(proposal.fresh);
  return {
    madeAt: madeAt.toISOString(),
    madeBy,
    since,
    kind,
    rules: [...offeredRules(proposal)].map(([id, { policy, rule, learned }]) => {
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

function rejectionView({ id, rejection, actor, time }: Review): RejectionView {
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

function noProposal(): Refusal {
  return refusal(404, "no-proposal", "the learner has proposed nothing yet", {
    fix: "`ringwall learn` makes a proposal",
  });
}

function unknownRule(id: string): Refusal {
  return refusal(404, "unknown-rule", `no proposed rule is called \`${id}\``, {
    fix: "`ringwall review` lists them",
  });
}

function unknownRejection(id: number): Refusal {
  return refusal(404, "unknown-rejection", `no rejection has the number ${id}`, {
    fix: "`ringwall review --rejected` lists them",
  });
}
