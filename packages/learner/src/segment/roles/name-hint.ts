/** Words that name a machine and not what it does. */
const GENERIC: ReadonlySet<string> = new Set(
  "host node server srv vm instance pod machine linux debian ubuntu worker prod test dev stage staging internal local".split(
    " ",
  ),
);
const WORD_LENGTH_MIN = 3;

/**
 * What a host's name says of its purpose: its words without numbers, generated parts and words for machines. Empty where
 * it says nothing, as `h-3fa9c1` and `ip-10-0-3-7` do.
 */
export function nameHint(name: string): ReadonlySet<string> {
  const host = name.slice(name.lastIndexOf("/") + 1).split(".")[0] ?? "";
  const bare = host.toLowerCase().replace(/-[a-f0-9]{8,10}-[a-z0-9]{5}$/, "");
  const words = bare.split(/[-_]+/).map((word) => word.replace(/\d+$/, ""));
  return new Set(
    words.filter(
      (word) =>
        word.length >= WORD_LENGTH_MIN && /^[a-z]+$/.test(word) && /[g-z]/.test(word) && !GENERIC.has(word),
    ),
  );
}

/** How much names speak for one role, natural logarithm: the same words a little, no word in common against it. */
export function hintPrior(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 || b.size === 0) return 0;
  if (a.isDisjointFrom(b)) return DIFFERENT_NAMES;
  return a.size === b.size && a.isSubsetOf(b) ? SAME_NAMES : 0;
}

const SAME_NAMES = 2;
const DIFFERENT_NAMES = -3;
