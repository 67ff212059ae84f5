import {
  type AddressRange,
  complementRanges,
  globalExceptionRanges,
  intersectRanges,
  loopbackRanges,
  notGlobalRanges,
  prefixOrUndefined,
  rangesOfPrefix,
  type SourceEndpoint,
  unionRanges,
  type Workload,
} from "@ringwall/model";
import { type Inventory, ownAddresses } from "../policy-set/inventory.ts";
import { blocksOf } from "../policy-set/patterns.ts";

export type Ranges = readonly AddressRange[];

/** Sets of addresses that rules speak of, of one inventory. */
export type AddressBook = {
  /** Addresses of workloads; an allow takes only those with one owner, since of the others nobody can say whose they are. */
  readonly ofWorkloads: (workloads: readonly Workload[], action: "allow" | "deny") => Ranges;
  /** Owned by somebody, loopback included: every host owns its own. */
  readonly owned: Ranges;
  readonly shared: Ranges;
  readonly unmanaged: Ranges;
  readonly internet: Ranges;
};

export function addressBookOf(inventory: Inventory): AddressBook {
  const shared = new Set<bigint>();
  for (const [address, owners] of inventory.byAddress) if (owners.length > 1) shared.add(address);
  const owned = unionRanges([...rangesOf(inventory.byAddress.keys()), ...loopbackRanges]);
  const unmanaged = complementRanges(owned);
  const global = unionRanges([...complementRanges(notGlobalRanges), ...globalExceptionRanges]);
  return {
    ofWorkloads: (workloads, action) => {
      const addresses = workloads.flatMap(ownAddresses);
      return unionRanges(
        rangesOf(action === "deny" ? addresses : addresses.filter((one) => !shared.has(one))),
      );
    },
    owned,
    shared: unionRanges(rangesOf(shared)),
    unmanaged,
    internet: intersectRanges(unmanaged, global),
  };
}

/** An endpoint's `cidr`, exceptions taken out. */
export function rangesOfCidr(cidr: NonNullable<SourceEndpoint["cidr"]>): Ranges {
  const { include, exclude } = blocksOf(cidr);
  return subtractRanges(rangesOfTexts(include), rangesOfTexts(exclude));
}

/** Both arguments in the form of `unionRanges`. */
export function subtractRanges(a: Ranges, b: Ranges): Ranges {
  return b.length === 0 ? a : intersectRanges(a, complementRanges(b));
}

export function rangesOfTexts(texts: readonly string[]): Ranges {
  return unionRanges(
    texts.flatMap((text) => {
      const prefix = prefixOrUndefined(text);
      return prefix === undefined ? [] : rangesOfPrefix(prefix);
    }),
  );
}

function rangesOf(addresses: Iterable<bigint>): Ranges {
  return [...addresses].map((address) => ({ first: address, last: address }));
}
