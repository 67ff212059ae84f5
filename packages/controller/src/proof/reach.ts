import {
  type AddressRange,
  complementRanges,
  intersectRanges,
  prefixOrUndefined,
  rangesContain,
  rangesOfPrefix,
  unionRanges,
} from "@ringwall/model";
import type { HostPolicy } from "@ringwall/policy";

/** The peers that a host's policy speaks of: everybody, or who has an address in one of these (form of `unionRanges`). */
export type Reach = "all" | readonly AddressRange[];
type AddressSet = HostPolicy["addressSets"][number];

/**
 * Whose software can matter to this policy. A rule for every address, or for those of a name, matters only where it asks what
 * the peer proves: then anybody's does. Essential rules never ask. Pure.
 */
export function reachOf(policy: HostPolicy): Reach {
  const sets = new Set<number>();
  for (const rule of policy.rules) {
    if (rule.precedence === "essential") continue;
    const isAnywhere = rule.peer === null || policy.addressSets[rule.peer]?.fqdn !== undefined;
    if (rule.peer !== null && !isAnywhere) sets.add(rule.peer);
    else if (rule.remote !== undefined || rule.verifiedRequired === true) return "all";
  }
  return unionRanges([...sets].flatMap((index) => rangesOf(policy.addressSets[index])));
}

export function isWithin(reach: Reach, addresses: readonly bigint[]): boolean {
  return reach === "all" || addresses.some((address) => rangesContain(reach, address));
}

export function unionReach(a: Reach, b: Reach): Reach {
  return a === "all" || b === "all" ? "all" : unionRanges([...a, ...b]);
}

export function sameReach(a: Reach, b: Reach): boolean {
  if (a === "all" || b === "all") return a === b;
  return (
    a.length === b.length &&
    a.every((range, index) => range.first === b[index]?.first && range.last === b[index]?.last)
  );
}

function rangesOf(set: AddressSet | undefined): readonly AddressRange[] {
  if (set === undefined) return [];
  const include = rangesOfTexts(set.include);
  if (set.exclude.length === 0) return include;
  return intersectRanges(include, complementRanges(rangesOfTexts(set.exclude)));
}

function rangesOfTexts(texts: readonly string[]): readonly AddressRange[] {
  return unionRanges(
    texts.flatMap((text) => {
      const prefix = prefixOrUndefined(text);
      return prefix === undefined ? [] : rangesOfPrefix(prefix);
    }),
  );
}
