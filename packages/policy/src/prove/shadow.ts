import { parsePortSpec } from "@ringwall/model";
import { subtractRanges } from "../compile/address-book.ts";
import type { NetworkRule } from "../policy-set/rules.ts";
import type { World } from "../spec/factors.ts";
import { alternativesOf, type Conjunction } from "./literals.ts";
import { type Literal, meet } from "./state.ts";

/** Whether every attempt that `inner` matches is matched by `outer`; false where that can't be seen key by key. */
export function contains(world: World, outer: NetworkRule, inner: NetworkRule): boolean {
  if (outer.at !== "both" && outer.at !== inner.at) return false;
  if (outer.when !== undefined && JSON.stringify(outer.when) !== JSON.stringify(inner.when)) return false;
  if (outer.expires !== undefined && outer.expires !== inner.expires) return false;
  if (outer.verifiedRequired && !inner.verifiedRequired) return false;
  if (!portsInside(outer.ports, inner.ports)) return false;
  return (["from", "to"] as const).every((side) => {
    const wide = alternativesOf(world, outer[side]);
    const narrow = alternativesOf(world, inner[side]);
    return narrow.length > 0 && narrow.every((one) => wide.some((other) => implies(one, other)));
  });
}

function portsInside(outer: readonly string[] | undefined, inner: readonly string[] | undefined): boolean {
  if (outer === undefined) return true;
  return (
    inner?.every((text) => {
      const spec = parsePortSpec(text);
      return outer.some((other) => {
        if (other === text) return true;
        const wide = parsePortSpec(other);
        if (spec?.kind !== "range" || wide?.kind !== "range") return false;
        return wide.proto === spec.proto && wide.from <= spec.from && wide.to >= spec.to;
      });
    }) ?? false
  );
}

function implies(facts: Conjunction, wanted: Conjunction): boolean {
  return wanted.every((literal) => facts.some((fact) => entails(fact, literal)));
}

function entails(fact: Literal, wanted: Literal): boolean {
  if (fact.kind === "owned" && wanted.kind === "owned") return fact.owned === wanted.owned;
  if (fact.kind === "address" && wanted.kind === "address")
    return subtractRanges(fact.ranges, wanted.ranges).length === 0;
  if (fact.kind !== "value" || wanted.kind !== "value" || fact.variable !== wanted.variable) return false;
  return meet(fact.values, { ...wanted.values, not: !wanted.values.not }) === null;
}
