import type { ProposedRule } from "./rejection.ts";
import { addRule, appendPolicy, removeRule } from "./rule-text.ts";

/** The files without a rule; those that do not hold it as it was proposed are the same objects. */
export function withoutRule<T extends { readonly text: string }>(
  files: readonly T[],
  policy: string,
  rule: ProposedRule,
): readonly T[] {
  return files.map((file) => {
    const text = removeRule(file.text, policy, rule);
    return text === null ? file : { ...file, text };
  });
}

/** The files with a rule back in its policy, or behind the last policy where its own is gone; in `empty` if there is none. */
export function withRule<T extends { readonly text: string }>(
  files: readonly T[],
  policy: string,
  rule: ProposedRule,
  empty: T,
): readonly T[] {
  const found = files.map((file) => addRule(file.text, policy, rule));
  if (found.some((text) => text !== null)) {
    return files.map((file, index) => {
      const text = found[index] ?? null;
      return text === null ? file : { ...file, text };
    });
  }
  const index = files.findLastIndex(({ text }) => /^kind: Policy$/m.test(text));
  const home = files[index];
  if (home === undefined) return [...files, { ...empty, text: appendPolicy(empty.text, policy, rule) }];
  return files.with(index, { ...home, text: appendPolicy(home.text, policy, rule) });
}
