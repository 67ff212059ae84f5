import { createHash } from "node:crypto";
import type { Edit, LearnReport, ProposedRule, Rejection } from "@ringwall/learner";
import type { Resource } from "@ringwall/model";
import type { Transaction } from "kysely";
import type { StateDatabase } from "./open.ts";
import type { Tables } from "./tables.ts";

type Access = StateDatabase | Transaction<Tables>;

/** What the learner proposed last for the draft. */
export type Proposal = {
  readonly madeAt: Date;
  readonly madeBy: string;
  readonly since: string | null;
  readonly kind: "new" | "update";
  readonly resources: readonly Resource[];
  readonly edits: readonly Edit[];
  /** Names of segments that the draft did not have before. */
  readonly fresh: readonly string[];
  readonly report: LearnReport;
};

/** A person's word on a proposed rule. */
export type Review = {
  readonly id: number;
  readonly key: string;
  readonly state: "accepted" | "rejected";
  readonly rejection: Rejection;
  readonly actor: string;
  readonly time: Date;
};

/** Tells a proposed rule by what it says: one that changed since is another. */
export function reviewKey(policy: string, rule: ProposedRule): string {
  return createHash("sha256")
    .update(canonical([policy, rule]))
    .digest("hex");
}

/** The same text for the same value: PostgreSQL keeps no order of keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export async function loadProposal(db: Access): Promise<Proposal | null> {
  const row = await db.selectFrom("proposal").selectAll().executeTakeFirst();
  if (row === undefined) return null;
  const { made_at, made_by, one: _, ...rest } = row;
  return { ...rest, madeAt: made_at, madeBy: made_by };
}

/** When the newest proposal was made, without reading the rest of it. */
export async function proposedAt(db: Access): Promise<Date | null> {
  const row = await db.selectFrom("proposal").select("made_at").executeTakeFirst();
  return row?.made_at ?? null;
}

export async function saveProposal(db: Access, proposal: Omit<Proposal, "madeAt">): Promise<void> {
  await db.deleteFrom("proposal").execute();
  await db
    .insertInto("proposal")
    .values({
      made_by: proposal.madeBy,
      since: proposal.since,
      kind: proposal.kind,
      resources: JSON.stringify(proposal.resources),
      edits: JSON.stringify(proposal.edits),
      fresh: [...proposal.fresh],
      report: JSON.stringify(proposal.report),
    })
    .execute();
}

/** All of them, the newest last. */
export async function loadReviews(db: Access): Promise<readonly Review[]> {
  return db.selectFrom("reviews").selectAll().orderBy("id").execute();
}

export async function saveReview(
  db: Access,
  review: Pick<Review, "key" | "state" | "rejection" | "actor">,
): Promise<void> {
  await db.deleteFrom("reviews").where("key", "=", review.key).execute();
  await db
    .insertInto("reviews")
    .values({ ...review, rejection: JSON.stringify(review.rejection) })
    .execute();
}

export async function deleteReview(db: Access, key: string): Promise<void> {
  await db.deleteFrom("reviews").where("key", "=", key).execute();
}

/** Forgets everything that was rejected, so that it is proposed again. */
export async function forgetRejections(db: Access): Promise<void> {
  await db.deleteFrom("reviews").where("state", "=", "rejected").execute();
}
