import { isDeepStrictEqual } from "node:util";
import { type RuleEdit, rejectionOf } from "@ringwall/learner";
import { fail, ok, type Resource, type Result } from "@ringwall/model";
import type { ReviewBody } from "@ringwall/protocol/rest";
import type { Transaction } from "kysely";
import type { Actor, UserServices } from "../api/users/services.ts";
import { sameFiles } from "../jobs/draft.ts";
import { draftChanged, thinkAgain } from "../jobs/meanwhile.ts";
import { mapInStretches } from "../jobs/stretches.ts";
import { createPolicyAsker } from "../jobs/worker/policies.ts";
import { type Refusal, refusal } from "../refusal.ts";
import { recordAudit } from "../store/state/audit.ts";
import {
  deleteReview,
  loadProposal,
  loadReviews,
  type Proposal,
  proposedAt,
  type Review,
  reviewKey,
  saveReview,
} from "../store/state/proposals.ts";
import { loadDraft, loadDraftToChange, saveDraft } from "../store/state/revisions.ts";
import type { Tables } from "../store/state/tables.ts";
import type { UserServicesParts } from "./parts.ts";
import { type Offered, offeredRules, rejectionView, viewOf } from "./proposal-view.ts";

type Decision = ReviewBody["decisions"][number];
type Decided = Offered & { readonly decision: Decision; readonly key: string };

/** People's word on what the learner proposed, rule by rule. */
export function createReview(
  parts: UserServicesParts,
): Pick<UserServices, "proposal" | "review" | "rejections" | "forgetRejection"> {
  const { db } = parts;
  return {
    async proposal() {
      const proposal = await loadProposal(db);
      return proposal === null ? fail(noProposal()) : ok(await viewOf(proposal, await loadReviews(db)));
    },
    async review({ decisions }, actor) {
      // The word of a person is about what was proposed when it was given: a rule of the same name may have other ports by now.
      const madeAt = (await proposedAt(db))?.getTime();
      const done = await thinkAgain(() => decide(parts, decisions, actor, madeAt));
      if (!done.ok) return done;
      parts.onChange();
      return ok(await viewOf(done.value, await loadReviews(db)));
    },
    async rejections() {
      const reviews = await loadReviews(db);
      const rejected = reviews.filter(({ state }) => state === "rejected");
      return mapInStretches(rejected, rejectionView);
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

/** Rules that leave the draft or return to it take a parse of it, so that it is held only when that is done. */
async function decide(
  { db, ask }: UserServicesParts,
  decisions: readonly Decision[],
  actor: Actor,
  madeAt: number | undefined,
): Promise<Result<Proposal, Refusal>> {
  const draft = await loadDraft(db);
  const proposal = await loadProposal(db);
  if (proposal === null) return fail(noProposal());
  if (proposal.madeAt.getTime() !== madeAt) return fail(proposalChanged());
  const offered = offeredRules(proposal);
  const unknown = decisions.find(({ rule }) => !offered.has(rule));
  if (unknown !== undefined) return fail(unknownRule(unknown.rule));
  const decided = decisions.flatMap((decision) => {
    const one = offered.get(decision.rule);
    return one === undefined ? [] : [{ ...one, decision, key: reviewKey(one.policy, one.rule) }];
  });
  const edits = editsOf(decided, await loadReviews(db));
  const files = await createPolicyAsker(ask)({ kind: "review", files: draft.files, edits });
  return db.transaction().execute(async (transaction) => {
    const now = await loadDraftToChange(transaction);
    // Whoever makes a proposal or reviews it holds the draft too.
    const isSame =
      sameFiles(now.files, draft.files) &&
      (await proposedAt(transaction))?.getTime() === madeAt &&
      isDeepStrictEqual(editsOf(decided, await loadReviews(transaction)), edits);
    if (!isSame) return fail(draftChanged());
    for (const one of decided) await saveDecision(transaction, one, proposal.resources, actor);
    if (!sameFiles(files, now.files)) await saveDraft(transaction, files, now.basedOn);
    await recordAudit(transaction, actor.name, "review", { decisions });
    return ok(proposal);
  });
}

/** A rule that is rejected now leaves the draft, one that was returns to it. */
function editsOf(decided: readonly Decided[], reviews: readonly Review[]): readonly RuleEdit[] {
  const states = new Map(reviews.map(({ key, state }) => [key, state]));
  return decided.flatMap(({ decision, key, policy, rule }): readonly RuleEdit[] => {
    if (decision.state === "rejected") return [{ kind: "remove", policy, rule }];
    return states.get(key) === "rejected" ? [{ kind: "restore", policy, rule }] : [];
  });
}

async function saveDecision(
  transaction: Transaction<Tables>,
  { key, decision, policy, rule }: Decided,
  resources: readonly Resource[],
  { name }: Actor,
): Promise<void> {
  if (decision.state === "open") return deleteReview(transaction, key);
  const reason = decision.state === "rejected" ? decision.reason : "";
  const rejection = rejectionOf(policy, rule, resources, reason);
  return saveReview(transaction, { key, state: decision.state, rejection, actor: name });
}

function noProposal(): Refusal {
  return refusal(404, "no-proposal", "the learner has proposed nothing yet", {
    fix: "`ringwall learn` makes a proposal",
  });
}

function proposalChanged(): Refusal {
  return refusal(409, "proposal-changed", "the learner has proposed anew meanwhile: nothing was saved", {
    fix: "look at what it proposes now (`ringwall review`), and decide again",
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
