import { effectiveLabels, type LabelSelector, type Workload } from "@ringwall/model";

/** What there is to do at the least for `key: value` selectors: every workload against every one, labels as numbers. */
export function bareLoop(
  workloads: readonly Workload[],
  selectors: readonly LabelSelector[],
  keys: readonly [string, string, string],
): readonly number[][] {
  const numberOf = createNumbers();
  const have = new Int32Array(workloads.length * 3);
  workloads.forEach(({ metadata }, w) => {
    keys.forEach((key, k) => {
      have[w * 3 + k] = numberOf(metadata.labels?.[key]);
    });
  });
  const want = new Int32Array(selectors.length * 3);
  selectors.forEach((selector, s) => {
    keys.forEach((key, k) => {
      want[s * 3 + k] = numberOf(String(selector[key]));
    });
  });
  const members: number[][] = selectors.map(() => []);
  for (let s = 0; s < selectors.length; s++) {
    const [a, b, c] = [want[s * 3], want[s * 3 + 1], want[s * 3 + 2]];
    const list = members[s] ?? [];
    for (let w = 0, at = 0; w < workloads.length; w++, at += 3)
      if (have[at] === a && have[at + 1] === b && have[at + 2] === c) list.push(w);
  }
  return members;
}

/** The same for selectors of every form: for each key a table of the values that will do. */
export function bareLoopOfTables(
  workloads: readonly Workload[],
  selectors: readonly LabelSelector[],
  keys: readonly string[],
): readonly number[][] {
  const numberOf = createNumbers();
  const columns = keys.map(() => new Int32Array(workloads.length));
  workloads.forEach((one, w) => {
    const labels = effectiveLabels(one);
    columns.forEach((column, k) => {
      column[w] = numberOf(labels[keys[k] ?? ""]);
    });
  });
  const absent = numberOf(undefined);
  const listOf = (value: string | readonly string[]) => (typeof value === "string" ? [value] : value);
  const tableOf = (selector: LabelSelector, key: string): Uint8Array | null => {
    const wanted = selector[key];
    if (wanted === undefined) return null;
    const positive = typeof wanted === "string" || Array.isArray(wanted);
    const table = new Uint8Array(numberOf.size()).fill(positive ? 0 : 1);
    if (typeof wanted === "string" || Array.isArray(wanted))
      for (const value of listOf(wanted)) table[numberOf(value)] = 1;
    else if ("not" in wanted) for (const value of listOf(wanted.not)) table[numberOf(value)] = 0;
    else table.fill(wanted.exists ? 1 : 0)[absent] = wanted.exists ? 0 : 1;
    return table;
  };
  return selectors.map((selector) => {
    const tests = keys.flatMap((key, k) => {
      const table = tableOf(selector, key);
      return table === null ? [] : [{ table, column: columns[k] as Int32Array }]; // a column for each key
    });
    const list: number[] = [];
    for (let w = 0; w < workloads.length; w++) {
      let met = true;
      for (const { table, column } of tests) if (table[column[w] as number] !== 1) met = false; // w is in bounds
      if (met) list.push(w);
    }
    return list;
  });
}

function createNumbers() {
  const numbers = new Map<string, number>();
  const numberOf = (text: string | undefined): number => {
    const known = numbers.get(text ?? "");
    if (known !== undefined) return known;
    numbers.set(text ?? "", numbers.size);
    return numbers.size - 1;
  };
  return Object.assign(numberOf, { size: () => numbers.size });
}
