import type { LabelSelector, Labels, Workload } from "@ringwall/model";
import { createLabelClasses, type LabelClasses, type Requirement } from "./label-classes.ts";

/** What one change did to one selector's set; `version` counts the changes of that set. */
export type SetDelta = {
  readonly selector: number;
  readonly version: number;
  readonly workload: number;
  readonly change: "joined" | "left";
};
/** Which workloads (by index) each selector (by index) selects, kept up to date by deltas. */
export type FleetIndex = {
  /** Ascending. */
  readonly members: (selector: number) => readonly number[];
  readonly version: (selector: number) => number;
  /** Replaces a workload's labels; only sets that change are touched. */
  readonly relabel: (workload: number, labels: Labels) => readonly SetDelta[];
};

/** Compiles selectors against a fleet: each class of workloads that no selector tells apart is judged once. */
export function createFleetIndex(
  workloads: readonly Workload[],
  selectors: readonly LabelSelector[],
): FleetIndex {
  const classes = createLabelClasses(selectors);
  const classOf = new Int32Array(workloads.length);
  workloads.forEach(({ metadata }, i) => {
    classOf[i] = classes.classOf(metadata.name, metadata.labels);
  });
  const selectorsOf = createClassSelectors(classes);
  const members: number[][] = selectors.map(() => []);
  classOf.forEach((labelClass, i) => {
    for (const one of selectorsOf(labelClass)) members[one]?.push(i);
  });
  const versions = new Int32Array(selectors.length);
  return {
    members: (selector) => members[selector] ?? [],
    version: (selector) => versions[selector] ?? 0,
    relabel: (workload, labels) => {
      const one = workloads[workload];
      if (one === undefined) throw new Error("bug: no such workload");
      const before = selectorsOf(classOf[workload] ?? 0);
      classOf[workload] = classes.classOf(one.metadata.name, labels);
      const after = selectorsOf(classOf[workload] ?? 0);
      if (before === after) return [];
      const deltas: SetDelta[] = [];
      const note = (selector: number, change: SetDelta["change"]) => {
        const version = (versions[selector] ?? 0) + 1;
        versions[selector] = version;
        deltas.push({ selector, version, workload, change });
      };
      for (const one of before)
        if (!after.includes(one)) {
          remove(members[one] ?? [], workload);
          note(one, "left");
        }
      for (const one of after)
        if (!before.includes(one)) {
          insert(members[one] ?? [], workload);
          note(one, "joined");
        }
      return deltas;
    },
  };
}

/**
 * The selectors that select a class, worked out when first asked. Each selector is filed under the values of one of its
 * positive requirements, so that a class is only held against selectors that name one of its values.
 */
function createClassSelectors(classes: LabelClasses): (labelClass: number) => readonly number[] {
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
    const weight = ({ key, numbers }: Requirement) =>
      numbers.reduce((sum, number) => sum + (seen[key]?.get(number) ?? 0), 0);
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

function insert(list: number[], value: number): void {
  list.splice(position(list, value), 0, value);
}

function remove(list: number[], value: number): void {
  const at = position(list, value);
  if (list[at] === value) list.splice(at, 1);
}

function position(list: readonly number[], value: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
