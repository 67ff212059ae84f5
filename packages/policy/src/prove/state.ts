import { type AddressRange, intersectRanges, type LabelRequirement } from "@ringwall/model";
import { listOf } from "../policy-set/labels.ts";

/** A label key, `@name` (the workload), `@software`, `@user`, `@unit`, `@container`. */
export type Variable = string;
/** A label that is not there. */
export const ABSENT = "\u0000absent";
/** A value that nobody has written anywhere. */
export const FRESH = "\u0000fresh";

/** Which values are still possible: those listed, or all but those listed. */
export type Values = { readonly not: boolean; readonly list: ReadonlySet<string> };
/** One end: what is still possible for each variable, for the address, and whether a workload of ours is there. */
export type EndState = {
  readonly values: ReadonlyMap<Variable, Values>;
  readonly addresses: readonly AddressRange[] | null;
  readonly owned: boolean | null;
};
/** A condition on one end that holds or not, and so can also be broken. */
export type Literal =
  | { readonly kind: "value"; readonly variable: Variable; readonly values: Values }
  | { readonly kind: "address"; readonly ranges: readonly AddressRange[] }
  | { readonly kind: "owned"; readonly owned: boolean };

export const ANY_END: EndState = { values: new Map(), addresses: null, owned: null };

export function only(list: readonly string[]): Values {
  return { not: false, list: new Set(list) };
}

export function except(list: readonly string[]): Values {
  return { not: true, list: new Set(list) };
}

/** A label requirement as the values it leaves; "not" holds where the label is absent. */
export function valuesOf(requirement: LabelRequirement): Values {
  if (typeof requirement === "string") return only([requirement]);
  if (Array.isArray(requirement)) return only(requirement);
  if ("exists" in requirement) return requirement.exists ? except([ABSENT]) : only([ABSENT]);
  return except(listOf(requirement.not));
}

/** Null = nothing is left. */
export function meet(a: Values, b: Values): Values | null {
  if (a.not && b.not) return { not: true, list: a.list.union(b.list) };
  const met = a.not
    ? b.list.difference(a.list)
    : b.not
      ? a.list.difference(b.list)
      : a.list.intersection(b.list);
  return met.size === 0 ? null : { not: false, list: met };
}

/** The state in which the literal holds too; null where that can't be. */
export function assume(state: EndState, literal: Literal): EndState | null {
  switch (literal.kind) {
    case "owned":
      return state.owned === !literal.owned ? null : { ...state, owned: literal.owned };
    case "address": {
      const addresses =
        state.addresses === null ? literal.ranges : intersectRanges(state.addresses, literal.ranges);
      return addresses.length === 0 ? null : { ...state, addresses };
    }
    case "value": {
      const before = state.values.get(literal.variable);
      const met = before === undefined ? literal.values : meet(before, literal.values);
      if (met === null || (!met.not && met.list.size === 0)) return null;
      return { ...state, values: new Map(state.values).set(literal.variable, met) };
    }
  }
}

/** The smallest value that is possible: absent or fresh where they are, else the first listed. */
export function pick(values: Values | undefined, preferred: readonly string[]): string {
  if (values === undefined) return preferred[0] ?? FRESH;
  if (values.not) return [...preferred, FRESH].find((one) => !values.list.has(one)) ?? FRESH;
  return preferred.find((one) => values.list.has(one)) ?? [...values.list].sort()[0] ?? FRESH;
}
