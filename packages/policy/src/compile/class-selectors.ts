import type { LabelClasses, Requirement } from "./label-classes.ts";

/**
 * The selectors that select a class, worked out when first asked. Each selector is filed under the values of one of its
 * positive requirements, so that a class is only held against selectors that name one of its values.
 */
export function createClassSelectors(classes: LabelClasses): (labelClass: number) => readonly number[] {
  const { filed, always } = fileSelectors(classes);
  const known: (readonly number[])[] = [];
  return (labelClass) => {
    const found = known[labelClass];
    if (found !== undefined) return found;
    const selects = (one: number): boolean =>
      classes.requirements[one]?.every((requirement) => classes.meets(labelClass, requirement)) ?? false;
    const selectors = always.filter(selects);
    for (const [key, byNumber] of filed.entries())
      for (const one of byNumber.get(classes.numberAt(labelClass, key)) ?? [])
        if (selects(one)) selectors.push(one);
    known[labelClass] = selectors;
    return selectors;
  };
}

/** For each key, selectors by the number they are filed under; those without a positive requirement are asked of everybody. */
function fileSelectors(classes: LabelClasses) {
  const filed = Array.from({ length: classes.keys }, () => new Map<number, number[]>());
  const seen = filed.map((_, key) => countNumbers(classes, key));
  const always: number[] = [];
  classes.requirements.forEach((requirements, selector) => {
    // A key with many values tells more apart, where no class has been seen yet.
    const weight = ({ key, numbers }: Requirement) =>
      numbers.reduce((sum, number) => sum + (seen[key]?.get(number) ?? 0), 0) + 1 / classes.valuesAt(key);
    let rarest: Requirement | undefined;
    for (const one of requirements)
      if (!one.negated && (rarest === undefined || weight(one) < weight(rarest))) rarest = one;
    if (rarest === undefined) always.push(selector);
    for (const number of rarest?.numbers ?? []) {
      const byNumber = filed[rarest?.key ?? 0];
      const list = byNumber?.get(number);
      if (list === undefined) byNumber?.set(number, [selector]);
      else list.push(selector);
    }
  });
  return { filed, always };
}

/** How many classes have each value. */
function countNumbers(classes: LabelClasses, key: number): ReadonlyMap<number, number> {
  const seen = new Map<number, number>();
  for (let one = 0; one < classes.size(); one++) {
    const number = classes.numberAt(one, key);
    seen.set(number, (seen.get(number) ?? 0) + 1);
  }
  return seen;
}
