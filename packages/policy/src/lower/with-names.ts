import { formatPrefix, parseAddress, prefixContains, prefixOrUndefined } from "@ringwall/model";
import { isNamed } from "../policy-set/patterns.ts";
import type { AddressSet, HostPolicy } from "./host-policy.ts";

/** An address and the names that its host's resolvers gave for it lately. */
export type NamedAddress = { readonly address: string; readonly names: readonly string[] };

/** Every pattern that the policy's sets go by; empty where names make no difference on this host. */
export function namePatterns(policy: HostPolicy): readonly string[] {
  return [...new Set(policy.addressSets.flatMap((set) => set.fqdn ?? []))];
}

/**
 * The policy with its sets of names as sets of addresses: those that a name was resolved to, where the set's prefixes
 * hold them too. A name that was not resolved has none. The order of `resolved` does not matter.
 */
export function withNames(policy: HostPolicy, resolved: Iterable<NamedAddress>): HostPolicy {
  if (namePatterns(policy).length === 0) return policy;
  const known = [...resolved].flatMap(({ address, names }) => {
    const value = parseAddress(address);
    return value === null ? [] : [{ value, names }];
  });
  known.sort((a, b) => (a.value < b.value ? -1 : 1));
  const addressesOf = ({ include, exclude, fqdn = [] }: AddressSet): AddressSet => {
    const inside = (texts: readonly string[], value: bigint) =>
      texts.some((text) => {
        const prefix = prefixOrUndefined(text);
        return prefix !== undefined && prefixContains(prefix, value);
      });
    const found = known.filter(
      ({ value, names }) =>
        names.some((name) => fqdn.some((pattern) => isNamed(pattern, name) === true)) &&
        inside(include, value) &&
        !inside(exclude, value),
    );
    return { include: found.map(({ value }) => formatPrefix({ address: value, bits: 128 })), exclude: [] };
  };
  return {
    ...policy,
    addressSets: policy.addressSets.map((set) => (set.fqdn === undefined ? set : addressesOf(set))),
  };
}
