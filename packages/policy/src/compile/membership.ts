import { effectiveLabels, type LabelSelector, type Workload } from "@ringwall/model";
import { selectsWorkload } from "../policy-set/labels.ts";

/** Which workloads (by index into the inventory's order) a selector selects, ascending. */
export type Members = Int32Array;
export type Membership = { readonly select: (selector: LabelSelector) => Members };

/** Answers selectors from an index of `key=value`, so that a selector costs what it selects and not the whole fleet. */
export function createMembership(workloads: readonly Workload[]): Membership {
  const index = new Map<string, number[]>();
  workloads.forEach((workload, i) => {
    const labels = effectiveLabels(workload);
    for (const key in labels) {
      const pair = `${key}=${labels[key]}`;
      const list = index.get(pair);
      if (list === undefined) index.set(pair, [i]);
      else list.push(i);
    }
  });
  const known = new Map<string, Members>();
  return {
    select: (selector) => {
      const key = JSON.stringify(selector);
      const found = known.get(key);
      if (found !== undefined) return found;
      const narrowest = narrowestOf(index, selector);
      const candidates = narrowest ?? workloads.map((_, i) => i);
      // Every index in the lists is one of a workload.
      const members = candidates.filter((i) => selectsWorkload(selector, workloads[i] as Workload));
      const sorted = Int32Array.from(members).sort();
      known.set(key, sorted);
      return sorted;
    },
  };
}

/** The shortest list of candidates that one positive requirement leaves; null where there is none. */
function narrowestOf(
  index: ReadonlyMap<string, number[]>,
  selector: LabelSelector,
): readonly number[] | null {
  let best: readonly number[] | null = null;
  for (const key in selector) {
    const requirement = selector[key];
    const values =
      typeof requirement === "string" ? [requirement] : Array.isArray(requirement) ? requirement : null;
    if (values === null) continue;
    const lists = [...new Set(values)].map((value) => index.get(`${key}=${value}`) ?? []);
    const length = lists.reduce((sum, list) => sum + list.length, 0);
    if (best === null || length < best.length) best = lists.length === 1 ? (lists[0] ?? []) : lists.flat();
  }
  return best;
}

export function isMember(members: Members, index: number): boolean {
  let low = 0;
  let high = members.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = members[middle] as number; // low <= middle <= high
    if (found === index) return true;
    if (found < index) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}
