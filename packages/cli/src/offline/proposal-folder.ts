import { readFileSync } from "node:fs";
import path from "node:path";
import { editRules, type ProposedRule, proposedRules, type RuleEdit } from "@ringwall/learner";
import type { Resource } from "@ringwall/model";
import { z } from "zod";
import { failure } from "../failure.ts";
import type { Decision, Listed } from "../review/choose-rules.ts";
import type { ShownRule } from "../review/print-review.ts";
import { replaceLearned } from "./learned-folder.ts";
import { loadPolicyFolder, type PolicyText } from "./policy-folder.ts";
import { replaceFile } from "./replace-file.ts";
import {
  formatReviews,
  isOf,
  loadReviews,
  REVIEW_FILE,
  type Review,
  withoutReview,
  withReview,
} from "./review-file.ts";
import { summaryOf } from "./rule-summary.ts";

/** Where a policy returns that no file has any more. */
const POLICIES_FILE = "policies.yaml";

const report = z.object({
  rules: z.array(
    z.object({
      policy: z.string(),
      rule: z.string(),
      evidence: z.object({ edges: z.number(), days: z.number(), connections: z.number() }),
      overPermission: z.number(),
      confidence: z.number(),
    }),
  ),
});

type Offered = Listed & ShownRule & { readonly policy: string; readonly body: ProposedRule };
export type ProposalFolder = {
  readonly files: readonly PolicyText[];
  readonly resources: readonly Resource[];
  readonly reviews: readonly Review[];
  readonly rules: readonly Offered[];
};

/** What `learn` proposed in a folder, and what people said of it. Throws Failure. */
export function loadProposal(folder: string): ProposalFolder {
  const { files, resources } = loadPolicyFolder(folder);
  const reviews = loadReviews(folder);
  return { files, resources, reviews, rules: rulesOf(folder, resources, reviews) };
}

/** Rules that people took out or changed by hand are not listed: they have had their say. */
function rulesOf(
  folder: string,
  resources: readonly Resource[],
  reviews: readonly Review[],
): readonly Offered[] {
  const there = proposedRules(resources);
  return loadReport(folder).flatMap(({ policy, rule, ...learned }) => {
    const rejected = reviews.findLast(
      (one) => one.state === "rejected" && one.policy === policy && one.rule.name === rule,
    );
    const body = there.get(`${policy}/${rule}`)?.rule ?? rejected?.rule;
    if (body === undefined) return [];
    const said = reviews.find((one) => isOf(one, policy, body));
    return [
      {
        id: `${policy}/${rule}`,
        policy,
        rule,
        body,
        state: said?.state ?? ("open" as const),
        reason: said?.reason ?? "",
        summary: summaryOf(body),
        ...learned,
      },
    ];
  });
}

function loadReport(folder: string): z.infer<typeof report>["rules"] {
  const file = path.join(folder, "report.json");
  try {
    const parsed = report.safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (parsed.success) return parsed.data.rules;
  } catch {
    // Falls through to the one message for whatever is wrong with it.
  }
  throw failure(
    "unreadable-input",
    `\`${file}\` is missing, or not the report that \`ringwall learn\` writes`,
    "name a folder that `ringwall learn` wrote",
  );
}

/** Writes the words down and carries them out in the policy's text. */
export function saveDecisions(
  folder: string,
  proposal: ProposalFolder,
  decisions: readonly Decision[],
  time: string,
): ProposalFolder {
  let { reviews } = proposal;
  const edits: RuleEdit[] = [];
  for (const decision of decisions) {
    const offered = proposal.rules.find(({ id }) => id === decision.rule);
    if (offered === undefined) throw new Error("bug: a decision on a rule that is not listed");
    const { policy, body } = offered;
    const isBack = offered.state === "rejected" && decision.state !== "rejected";
    if (decision.state === "rejected") edits.push({ kind: "remove", policy, rule: body });
    if (isBack) edits.push({ kind: "restore", policy, rule: body });
    const reason = decision.state === "rejected" ? decision.reason : "";
    reviews =
      decision.state === "open"
        ? withoutReview(reviews, policy, body)
        : withReview(reviews, decision.state, { policy, rule: body }, proposal.resources, reason, time);
  }
  const home = proposal.files.find((file) => file.path === POLICIES_FILE);
  const files = editRules(proposal.files, edits, home ?? { path: POLICIES_FILE, text: "" });
  const before = new Map(proposal.files.map((file) => [file.path, file.text]));
  const changed = files.flatMap((file) => {
    const former = before.get(file.path) ?? "";
    return former === file.text ? [] : [{ ...file, before: former }];
  });
  // The words first: a run that ends between the two leaves a rule that is known to be rejected, and says so.
  replaceFile(path.join(folder, REVIEW_FILE), formatReviews(reviews));
  replaceLearned(folder, changed);
  return loadProposal(folder);
}
