import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { editPolicyText, type Rejection, type UpdateResult, update } from "@ringwall/learner";
import { formatResources } from "@ringwall/policy";
import { failure } from "../failure.ts";
import { say, sayJson } from "../output/print.ts";
import { loadObservations } from "./observations.ts";
import { loadPolicyFolder, type PolicyFolder, REJECTED_FILE } from "./policy-folder.ts";
import { type OutputFile, writeFolder } from "./write-folder.ts";

type Options = {
  readonly flows: readonly string[];
  readonly inventory?: string;
  readonly output: string;
  readonly update: string;
  readonly tightness: number;
  readonly seed: number;
  readonly reject?: readonly string[];
  readonly reason?: string;
  readonly keepGoing?: boolean;
  readonly json?: boolean;
};

/** The old folder with the smallest edits, and `learned-N.yaml` with what is new. Exit code 1 where nothing is to change. */
export async function updateFolder(options: Options): Promise<0 | 1> {
  const folder = loadPolicyFolder(options.update);
  const known = loadRejections(options.update);
  const written = folder.resources.filter((one) => one.kind === "Workload");
  const { edges, inventory, found } = await loadObservations(options, written);
  const input = {
    edges,
    inventory: [...inventory, ...found],
    tightness: options.tightness,
    seed: options.seed,
  };
  const propose = (rejected: readonly Rejection[]): UpdateResult => {
    const result = update({ ...input, resources: folder.resources, rejected });
    if (result === null)
      throw failure("duplicate-workload", "a workload is listed twice", "leave one of them out");
    return result;
  };
  const refused = rejectionsOf(propose(known), options);
  const rejected = [...known, ...refused];
  const result = refused.length === 0 ? propose(known) : propose(rejected);
  writeFolder(options.output, filesOf(folder, result, rejected), "report.json");
  if (options.json)
    sayJson({ edits: result.edits, rules: result.rules, setAside: result.setAside, drift: result.drift });
  else show(result, options.output);
  return result.edits.length === 0 && result.added.length === 0 ? 1 : 0;
}

function loadRejections(folder: string): readonly Rejection[] {
  const file = path.join(folder, REJECTED_FILE);
  if (!existsSync(file)) return [];
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (Array.isArray(value))
      return value.filter(
        (one): one is Rejection => typeof one === "object" && one !== null && "allow" in one,
      );
  } catch {
    // Falls through to the one message for whatever is wrong with it.
  }
  throw failure(
    "bad-record",
    `\`${file}\` is not the list of rejected rules that this command writes`,
    "restore it, or remove it",
  );
}

/** The proposed rules that the call turns down, by `POLICY/RULE` or by the rule's name alone. */
function rejectionsOf({ added }: UpdateResult, { reject = [], reason = "" }: Options): readonly Rejection[] {
  const rules = added.flatMap((one) =>
    one.kind === "Policy" ? one.spec.rules.map((rule) => ({ policy: one.metadata.name, rule })) : [],
  );
  return reject.map((wanted) => {
    const found = rules.find(
      ({ policy, rule }) => rule.name === wanted || `${policy}/${rule.name}` === wanted,
    );
    if (found === undefined || !("allow" in found.rule)) {
      const names = rules.map(({ policy, rule }) => `${policy}/${rule.name}`).join("; ");
      throw failure(
        "unknown-rule",
        `no proposed rule is called \`${wanted}\``,
        names === "" ? "nothing is proposed" : `proposed are: ${names}`,
      );
    }
    return { allow: found.rule.allow, reason };
  });
}

function filesOf(
  folder: PolicyFolder,
  result: UpdateResult,
  rejected: readonly Rejection[],
): readonly OutputFile[] {
  const files: OutputFile[] = folder.files.map(({ path: name, text }) => ({
    path: name,
    text: editPolicyText(text, result.edits) ?? text,
  }));
  const taken = new Set(files.map((file) => file.path));
  let number = 1;
  while (taken.has(`learned-${number}.yaml`)) number += 1;
  if (result.added.length > 0)
    files.push({ path: `learned-${number}.yaml`, text: formatResources(result.added) });
  if (rejected.length > 0)
    files.push({ path: REJECTED_FILE, text: `${JSON.stringify(rejected, null, 2)}\n` });
  const { edits, rules, setAside, drift } = result;
  files.push({
    path: "report.json",
    text: `${JSON.stringify({ edits, rules, setAside, drift }, null, 2)}\n`,
  });
  return files;
}

function show({ edits, added, rules, setAside }: UpdateResult, folder: string): void {
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
