import type { ProposedRule } from "./rejection.ts";
import { appendPolicies, editRulesIn, keyOf, type RuleEdits } from "./rule-text.ts";

/** What a person's word on a proposed rule means for the policy's text. */
export type RuleEdit = {
  readonly kind: "remove" | "restore";
  readonly policy: string;
  readonly rule: ProposedRule;
};

/**
 * The files after all the edits, each parsed once. A rule leaves where it stands as it was proposed; it returns to its policy, or
 * into the last file with a policy where its own is gone; to the end of `otherwise`, one of the files or a new one, if none has any.
 * Files without a change are the same objects.
 */
export function editRules<T extends { readonly text: string }>(
  files: readonly T[],
  edits: readonly RuleEdit[],
  otherwise: T,
): readonly T[] {
  const byPolicy = lastWords(edits);
  const homeless = restored(byPolicy);
  const edited = files.map((file) => {
    const { text, at } = editRulesIn(file.text, byPolicy);
    for (const { policy, key } of at) homeless.get(policy)?.delete(key);
    return text === file.text ? file : { ...file, text };
  });
  const policies = [...homeless].flatMap(([policy, rules]) =>
    rules.size === 0 ? [] : [{ name: policy, rules: [...rules.values()] }],
  );
  if (policies.length === 0) return edited;
  // As it was before the edits: a file that loses its only policy is its home still.
  const last = files.findLastIndex(({ text }) => /^kind: Policy$/m.test(text));
  const index = last === -1 ? files.indexOf(otherwise) : last;
  const home = edited[index] ?? otherwise;
  const grown = { ...home, text: appendPolicies(home.text, policies) };
  return index === -1 ? [...edited, grown] : edited.with(index, grown);
}

/** For each policy its rules by what they say: of several words on one rule the last counts. */
function lastWords(edits: readonly RuleEdit[]): ReadonlyMap<string, RuleEdits> {
  const byPolicy = new Map<string, Map<string, RuleEdit>>();
  for (const edit of edits) {
    const rules = byPolicy.get(edit.policy) ?? new Map<string, RuleEdit>();
    byPolicy.set(edit.policy, rules.set(keyOf(edit.rule), edit));
  }
  return byPolicy;
}

function restored(byPolicy: ReadonlyMap<string, RuleEdits>): ReadonlyMap<string, Map<string, ProposedRule>> {
  return new Map(
    [...byPolicy].map(([policy, edits]) => {
      const back = [...edits].filter(([, { kind }]) => kind === "restore");
      return [policy, new Map(back.map(([key, { rule }]) => [key, rule]))];
    }),
  );
}
