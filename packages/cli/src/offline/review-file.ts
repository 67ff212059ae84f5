import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { type ProposedRule, type Rejection, rejectionOf } from "@ringwall/learner";
import { type Resource, resource, rule } from "@ringwall/model";
import { z } from "zod";
import { failure } from "../failure.ts";

/** What people said of proposed rules, beside the policy and kept with it. */
export const REVIEW_FILE = "review.json";

/** A person's word on one proposed rule. */
export type Review = Rejection & { readonly state: "accepted" | "rejected"; readonly time: string };

const workloads = z.record(z.string(), z.unknown());
const review = z.object({
  state: z.enum(["accepted", "rejected"]),
  policy: z.string(),
  rule,
  segments: z.array(z.object({ name: z.string(), workloads })),
  software: z.array(z.object({ name: z.string(), anyOf: z.array(z.unknown()) })),
  reason: z.string(),
  time: z.string(),
});

/** The reviews of a policy folder; none where nobody has reviewed it yet. Throws Failure for a file that is not ours. */
export function loadReviews(folder: string): readonly Review[] {
  const file = path.join(folder, REVIEW_FILE);
  if (!existsSync(file)) return [];
  try {
    const parsed = z.array(review).safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (parsed.success && parsed.data.every(isSound)) return parsed.data as unknown as readonly Review[];
  } catch {
    // Falls through to the one message for whatever is wrong with it.
  }
  throw failure(
    "bad-record",
    `\`${file}\` is not the list of reviewed rules that this command writes`,
    "restore it from a backup, or remove it to start the review anew",
  );
}

/** What the record says of segments and software is what resources may say. */
function isSound({ rule: reviewed, segments, software }: z.infer<typeof review>): boolean {
  const apiVersion = "ringwall.dev/v1";
  const resources = [
    ...segments.map(({ name, workloads: selector }) => ({
      apiVersion,
      kind: "Segment",
      metadata: { name },
      spec: { workloads: selector, mode: "observe" },
    })),
    ...software.map(({ name, anyOf }) => ({
      apiVersion,
      kind: "Software",
      metadata: { name },
      spec: { anyOf },
    })),
  ];
  return !("deny" in reviewed) && resources.every((one) => resource.safeParse(one).success);
}

export function formatReviews(reviews: readonly Review[]): string {
  return `${JSON.stringify(reviews, null, 2)}\n`;
}

/** The reviews with one more word; the last one on a rule counts. */
export function withReview(
  reviews: readonly Review[],
  state: Review["state"],
  { policy, rule: reviewed }: { readonly policy: string; readonly rule: ProposedRule },
  resources: readonly Resource[],
  reason: string,
  time: string,
): readonly Review[] {
  const record = { state, ...rejectionOf(policy, reviewed, resources, reason), time };
  return [...withoutReview(reviews, policy, reviewed), record];
}

export function withoutReview(
  reviews: readonly Review[],
  policy: string,
  reviewed: ProposedRule,
): readonly Review[] {
  return reviews.filter((one) => !isOf(one, policy, reviewed));
}

/** Whether this is the word on this very rule: one that changed since is another. */
export function isOf(review: Review, policy: string, reviewed: ProposedRule): boolean {
  return review.policy === policy && canonical(review.rule) === canonical(reviewed);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export function rejectionsIn(reviews: readonly Review[]): readonly Rejection[] {
  return reviews.filter(({ state }) => state === "rejected");
}
