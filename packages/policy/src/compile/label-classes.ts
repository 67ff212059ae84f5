import { type LabelSelector, type Labels, NAME_LABEL, nameLabel } from "@ringwall/model";
import { listOf } from "../policy-set/labels.ts";
import { createRows } from "./rows.ts";

/** The number of a key that a workload does not have, and of every value that no selector names. */
const ABSENT = 0;
const OTHER = 1;

/** One key's part of a selector: the value's number is (or, negated, is not) among `numbers`. */
export type Requirement = {
  readonly key: number;
  readonly numbers: readonly number[];
  readonly negated: boolean;
};
/** Labels as selectors see them: workloads that no selector can tell apart are one class. */
export type LabelClasses = {
  /** Of each selector. */
  readonly requirements: readonly (readonly Requirement[])[];
  /** The class of a workload of this name with these labels; classes are numbered as first met. */
  readonly classOf: (workload: string, labels: Labels | undefined) => number;
  readonly size: () => number;
  readonly meets: (labelClass: number, requirement: Requirement) => boolean;
  /** The number of a class's value at a key; keys count from 0 to `keys`. */
  readonly numberAt: (labelClass: number, key: number) => number;
  readonly keys: number;
  /** How many numbers there are at a key. */
  readonly valuesAt: (key: number) => number;
};

/**
 * Values that selectors name have a number for each key, all others are one. So a fleet costs what reading its labels
 * costs, and everything else is done once for each class.
 */
export function createLabelClasses(selectors: readonly LabelSelector[]): LabelClasses {
  const { names, values, requirements } = numbered(selectors);
  const rows = createRows(names.length);
  const { scratch } = rows;
  return {
    requirements,
    classOf: (workload, labels) => {
      for (let k = 0; k < names.length; k++) {
        const name = names[k] as string; // k is in bounds of both
        const known = values[k] as ReadonlyMap<string, number>;
        const value = labels?.[name] ?? (name === NAME_LABEL ? nameLabel(workload) : undefined);
        // What is no text is inherited from Object, as `constructor`.
        scratch[k] = typeof value === "string" ? (known.get(value) ?? OTHER) : ABSENT;
      }
      return rows.intern();
    },
    size: rows.size,
    meets: (labelClass, { key, numbers, negated }) => numbers.includes(rows.at(labelClass, key)) !== negated,
    numberAt: rows.at,
    keys: names.length,
    valuesAt: (key) => (values[key]?.size ?? 0) + OTHER + 1,
  };
}

function numbered(selectors: readonly LabelSelector[]) {
  const keys = new Map<string, { readonly index: number; readonly values: Map<string, number> }>();
  const requirements = selectors.map((selector) =>
    Object.entries(selector).map(([name, wanted]): Requirement => {
      const { index, values } = keys.get(name) ?? { index: keys.size, values: new Map<string, number>() };
      keys.set(name, { index, values });
      const numbersOf = (texts: readonly string[]) =>
        [...new Set(texts)].map((text) => {
          const number = values.get(text) ?? values.size + OTHER + 1;
          values.set(text, number);
          return number;
        });
      if (typeof wanted === "string" || Array.isArray(wanted))
        return { key: index, numbers: numbersOf(listOf(wanted)), negated: false };
      if ("exists" in wanted) return { key: index, numbers: [ABSENT], negated: wanted.exists };
      return { key: index, numbers: numbersOf(listOf(wanted.not)), negated: true };
    }),
  );
  return { names: [...keys.keys()], values: [...keys.values()].map((key) => key.values), requirements };
}
