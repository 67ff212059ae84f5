import { effectiveLabels, type LabelSelector, type Labels, type Workload } from "@ringwall/model";
import { listOf } from "../policy-set/labels.ts";

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

type Requirement = {
  readonly key: number;
  readonly kind: "in" | "not-in" | "exists" | "absent";
  readonly values: readonly number[];
};
type Compiled = readonly Requirement[];
/** Labels as pairs of numbers: key, value, key, value, … */
type Pairs = Int32Array;

/**
 * Compiles selectors against a fleet. Each selector is filed under the rarest of its `key = value` requirements, so that
 * a workload is only held against selectors that name one of its labels.
 */
export function createFleetIndex(
  workloads: readonly Workload[],
  selectors: readonly LabelSelector[],
): FleetIndex {
  const numbers = createNumbers();
  const labels = workloads.map((one) => pairsOf(numbers, effectiveLabels(one)));
  const compiled = selectors.map((selector) => compileSelector(numbers, selector));
  const { filed, always } = fileSelectors(compiled, labels);
  const members: number[][] = compiled.map(() => []);
  const sets: (readonly number[])[] = [];
  const versions = new Int32Array(compiled.length);
  const selectorsOf = (pairs: Pairs): number[] => {
    const found: number[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const candidates = filed.get(pairKey(pairs[i] as number, pairs[i + 1] as number)); // i is even and in bounds
      if (candidates === undefined) continue;
      for (const one of candidates) if (meetsAll(compiled[one] as Compiled, pairs)) found.push(one);
    }
    for (const one of always) if (meetsAll(compiled[one] as Compiled, pairs)) found.push(one);
    return found;
  };
  labels.forEach((pairs, workload) => {
    const found = selectorsOf(pairs);
    sets.push(found);
    for (const one of found) members[one]?.push(workload);
  });
  return {
    members: (selector) => members[selector] ?? [],
    version: (selector) => versions[selector] ?? 0,
    relabel: (workload, changed) => {
      const before = sets[workload] ?? [];
      const one = workloads[workload];
      if (one === undefined) throw new Error("bug: no such workload");
      const after = selectorsOf(
        pairsOf(numbers, effectiveLabels({ ...one, metadata: { ...one.metadata, labels: changed } })),
      );
      sets[workload] = after;
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

/** Under which pair each selector is filed; selectors without a positive requirement are asked of everybody. */
function fileSelectors(compiled: readonly Compiled[], labels: readonly Pairs[]) {
  const seen = new Map<number, number>();
  for (const pairs of labels)
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairKey(pairs[i] as number, pairs[i + 1] as number); // i is even and in bounds
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
  const filed = new Map<number, number[]>();
  const always: number[] = [];
  compiled.forEach((requirements, selector) => {
    const positive = requirements.filter((one) => one.kind === "in");
    const weight = (one: Requirement) =>
      one.values.reduce((sum, value) => sum + (seen.get(pairKey(one.key, value)) ?? 0), 0);
    const rarest = positive.toSorted((a, b) => weight(a) - weight(b))[0];
    if (rarest === undefined) always.push(selector);
    for (const value of new Set(rarest?.values)) {
      const key = pairKey(rarest?.key ?? 0, value);
      const list = filed.get(key);
      if (list === undefined) filed.set(key, [selector]);
      else list.push(selector);
    }
  });
  return { filed, always };
}

/** Keys and values share the numbers; 2^26 of each are distinct in a double. */
const PAIR_BASE = 2 ** 26;

function pairKey(key: number, value: number): number {
  return key * PAIR_BASE + value;
}

function createNumbers(): (text: string) => number {
  const known = new Map<string, number>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    known.set(text, known.size);
    return known.size - 1;
  };
}

function pairsOf(numbers: (text: string) => number, labels: Labels): Pairs {
  const pairs: number[] = [];
  for (const key in labels) pairs.push(numbers(key), numbers(labels[key] ?? ""));
  return Int32Array.from(pairs);
}

function compileSelector(numbers: (text: string) => number, selector: LabelSelector): Compiled {
  return Object.entries(selector).map(([name, requirement]): Requirement => {
    const key = numbers(name);
    if (typeof requirement === "string") return { key, kind: "in", values: [numbers(requirement)] };
    if (Array.isArray(requirement)) return { key, kind: "in", values: requirement.map(numbers) };
    if ("exists" in requirement) return { key, kind: requirement.exists ? "exists" : "absent", values: [] };
    return { key, kind: "not-in", values: listOf(requirement.not).map(numbers) };
  });
}

function meetsAll(requirements: Compiled, pairs: Pairs): boolean {
  for (const { key, kind, values } of requirements) {
    let value = -1;
    for (let i = 0; i < pairs.length; i += 2)
      if (pairs[i] === key) {
        value = pairs[i + 1] as number; // pairs come in twos
        break;
      }
    const met =
      kind === "in"
        ? values.includes(value)
        : kind === "not-in"
          ? !values.includes(value)
          : value >= 0 === (kind === "exists");
    if (!met) return false;
  }
  return true;
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
