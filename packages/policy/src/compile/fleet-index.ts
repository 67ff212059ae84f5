import type { LabelSelector, Labels, Workload } from "@ringwall/model";
import { createClassSelectors } from "./class-selectors.ts";
import { createLabelClasses } from "./label-classes.ts";

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
