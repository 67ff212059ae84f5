import path from "node:path";
import { editPolicyText, formatPolicies, type UpdateResult, update } from "@ringwall/learner";
import type { Resource } from "@ringwall/model";
import { formatResources } from "@ringwall/policy";
import { failure } from "../failure.ts";
import { say, sayJson } from "../output/print.ts";
import { replaceLearned, writeLearned } from "./learned-folder.ts";
import { loadObservations } from "./observations.ts";
import { loadPolicyFolder, type PolicyFolder } from "./policy-folder.ts";
import { formatReviews, loadReviews, REVIEW_FILE, type Review, rejectionsIn } from "./review-file.ts";
import type { OutputFile } from "./write-folder.ts";

type Options = {
  readonly flows: readonly string[];
  readonly inventory?: string;
  readonly output: string;
  readonly update: string;
  readonly tightness: number;
  readonly seed: number;
  readonly askAgain?: boolean;
  readonly keepGoing?: boolean;
  readonly json?: boolean;
};

/** The old folder with the smallest edits, and `learned-N.yaml` with what is new. Exit code 1 where nothing is to change. */
export async function updateFolder(options: Options): Promise<0 | 1> {
  const folder = loadPolicyFolder(options.update);
  const known = loadReviews(options.update);
  const reviews = options.askAgain ? known.filter(({ state }) => state === "accepted") : known;
  const written = folder.resources.filter((one) => one.kind === "Workload");
  const { edges, execs, inventory, found } = await loadObservations(options, written);
  const result = update({
    edges,
    execs,
    inventory: [...inventory, ...found],
    tightness: options.tightness,
    seed: options.seed,
    resources: folder.resources,
    rejected: rejectionsIn(reviews),
  });
  if (result === null)
    throw failure("duplicate-workload", "a workload is listed twice", "leave one of them out");
  const files = filesOf(folder, result, reviews);
  if (path.resolve(options.output) === path.resolve(options.update))
    updateInPlace(options.update, folder, files);
  else writeLearned(options.output, files, "update");
  if (options.json) sayJson(reportOf(result));
  else show(result, options.output);
  return result.edits.length === 0 && result.added.length === 0 ? 1 : 0;
}

/** Only what changed is written, the new rules first: nothing that is read without the rest is wrong. */
function updateInPlace(target: string, folder: PolicyFolder, files: readonly OutputFile[]): void {
  const before = new Map(folder.files.map((file) => [file.path, file.text]));
  const changed = files.filter((file) => before.get(file.path) !== file.text);
  const fresh = changed.filter((file) => !before.has(file.path));
  const edited = changed.filter((file) => before.has(file.path));
  replaceLearned(
    target,
    [...fresh, ...edited].map((file) => ({ ...file, before: before.get(file.path) ?? "" })),
  );
}

function reportOf({ report, edits, drift }: UpdateResult): object {
  return { ...report, edits, drift };
}

function filesOf(
  folder: PolicyFolder,
  result: UpdateResult,
  reviews: readonly Review[],
): readonly OutputFile[] {
  const files: OutputFile[] = folder.files.map(({ path: name, text }) => ({
    path: name,
    text: editPolicyText(text, result.edits) ?? text,
  }));
  const taken = new Set(files.map((file) => file.path));
  let number = 1;
  while (taken.has(`learned-${number}.yaml`)) number += 1;
  if (result.added.length > 0)
    files.push({ path: `learned-${number}.yaml`, text: withEvidence(result.added, result) });
  if (reviews.length > 0) files.push({ path: REVIEW_FILE, text: formatReviews(reviews) });
  files.push({ path: "report.json", text: `${JSON.stringify(reportOf(result), null, 2)}\n` });
  return files;
}

/** Policies behind what they speak of, with the evidence above each rule. */
function withEvidence(added: readonly Resource[], { report }: UpdateResult): string {
  const policies = added.filter((one) => one.kind === "Policy");
  const others = added.filter((one) => one.kind !== "Policy");
  return [formatResources(others), formatPolicies(policies, report.rules)]
    .filter((text) => text !== "")
    .join("---\n");
}

function show({ edits, added, report: { rules, setAside } }: UpdateResult, folder: string): void {
  for (const edit of edits) {
    say(
      edit.kind === "add-member"
        ? `segment ${edit.segment}: add ${edit.workload} (${edit.why})`
        : `software ${edit.software}: add a digest of ${edit.path} (${edit.why})`,
    );
  }
  for (const one of added) say(`new ${one.kind} ${one.metadata.name}`);
  for (const { policy, rule, evidence } of rules)
    say(`  ${policy}: ${rule} (${evidence.edges} edges on ${evidence.days} days)`);
  const suspicious = setAside.filter((finding) => finding.suspicious);
  for (const { words } of suspicious) say(`set aside: ${words}`);
  if (edits.length === 0 && added.length === 0) say("the policy covers all of it: nothing to change");
  say(`\n${folder} holds the policy with these changes; compare it with the old one before you use it`);
}
