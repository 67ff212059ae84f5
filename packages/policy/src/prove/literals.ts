import {
  complementRanges,
  effectiveLabels,
  globalExceptionRanges,
  type LabelSelector,
  notGlobalRanges,
  unionRanges,
} from "@ringwall/model";
import { rangesOfCidr } from "../compile/address-book.ts";
import { listOf } from "../policy-set/labels.ts";
import type { NetworkRule } from "../policy-set/rules.ts";
import type { World } from "../spec/factors.ts";
import { ABSENT, except, type Literal, only, type Values, valuesOf } from "./state.ts";

type Endpoint = NetworkRule["to"];
/** Conditions that hold together. */
export type Conjunction = readonly Literal[];

const GLOBAL = unionRanges([...complementRanges(notGlobalRanges), ...globalExceptionRanges]);

/** An endpoint as alternatives of conditions. A reference that does not resolve leaves no alternative, as in an allow. */
export function alternativesOf(world: World, endpoint: Endpoint): readonly Conjunction[] {
  let all: readonly Conjunction[] = [[]];
  const and = (alternatives: readonly Conjunction[]) => {
    all = all.flatMap((one) => alternatives.map((other) => [...one, ...other]));
  };
  const { segment, workload, labels, cidr, software } = endpoint;
  if (segment !== undefined) {
    const named = listOf(segment);
    const found = world.set.segments.filter((one) => named.includes(one.metadata.name));
    and(found.map((one) => selectorLiterals(one.spec.workloads)));
  }
  if (labels !== undefined) and([selectorLiterals(labels)]);
  if (workload !== undefined) and(listOf(workload).flatMap((name) => workloadLiterals(world, name)));
  if (cidr !== undefined) and([[{ kind: "address", ranges: rangesOfCidr(cidr) }]]);
  if (endpoint.unmanaged === true) and([[{ kind: "owned", owned: false }]]);
  if (endpoint.internet === true)
    and([
      [
        { kind: "owned", owned: false },
        { kind: "address", ranges: GLOBAL },
      ],
    ]);
  if (endpoint.fqdn !== undefined)
    and([[{ kind: "owned", owned: false }, value("@fqdn", only([...listOf(endpoint.fqdn)]))]]);
  if (software !== undefined) {
    const not = typeof software === "object" && "not" in software;
    const names = listOf(not ? software.not : software);
    const known = names.filter((name) => world.set.software.some((one) => one.metadata.name === name));
    if (not && known.length < names.length) and([]);
    else if (not) and([[value("@software", except(known))]]);
    else and(known.length === 0 ? [] : [[value("@software", only(known))]]);
  }
  for (const key of ["user", "unit", "container"] as const) {
    const wanted = endpoint[key];
    if (wanted !== undefined) and([[value(`@${key}`, only([...listOf(wanted)]))]]);
  }
  return all;
}

function value(variable: string, values: Values): Literal {
  return { kind: "value", variable, values };
}

function selectorLiterals(selector: LabelSelector): Conjunction {
  return [
    { kind: "owned", owned: true },
    ...Object.entries(selector).map(([key, requirement]) => value(key, valuesOf(requirement))),
  ];
}

/** A named workload has the labels it has. */
function workloadLiterals({ set, inventory }: World, name: string): readonly Conjunction[] {
  const workload = inventory.byName.get(name);
  if (workload === undefined) return [];
  const labels = effectiveLabels(workload);
  const keys = new Set(set.segments.flatMap((one) => Object.keys(one.spec.workloads)));
  for (const key of Object.keys(labels)) keys.add(key);
  return [
    [
      { kind: "owned", owned: true },
      value("@name", only([name])),
      ...[...keys].map((key) => value(key, only([labels[key] ?? ABSENT]))),
    ],
  ];
}
