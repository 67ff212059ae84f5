import {
  complementRanges,
  formatPrefix,
  intersectRanges,
  isLoopback,
  isV4,
  type LabelSelector,
  loopbackRanges,
  prefixesOfRange,
  rangesContain,
  unionRanges,
  V4_MAPPED_FIRST,
  V4_MAPPED_LAST,
  type Workload,
} from "@ringwall/model";
import type { AddressSet } from "../lower/host-policy.ts";
import { type Inventory, ownAddresses } from "../policy-set/inventory.ts";
import { listOf, selectsWorkload } from "../policy-set/labels.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import type { NetworkRule } from "../policy-set/rules.ts";
import {
  type AddressBook,
  addressBookOf,
  type Ranges,
  rangesOfCidr,
  subtractRanges,
} from "./address-book.ts";
import { createMembership, type Membership } from "./membership.ts";

export type Fleet = {
  readonly set: PolicySet;
  readonly inventory: Inventory;
  readonly book: AddressBook;
  readonly membership: Membership;
};

export function fleetOf(set: PolicySet, inventory: Inventory): Fleet {
  return {
    set,
    inventory,
    book: addressBookOf(inventory),
    membership: createMembership(inventory.workloads),
  };
}
type Endpoint = NetworkRule["to"];
type Action = NetworkRule["action"];

/** The addresses at which an endpoint's place factors hold for a peer, as `workload` sees them; null = every address. */
export function peerRanges(
  fleet: Fleet,
  endpoint: Endpoint,
  action: Action,
  workload: Workload,
): Ranges | null {
  const { book } = fleet;
  const sets: Ranges[] = workloadSets(fleet, endpoint, action).map((members) =>
    withLoopback(book.ofWorkloads(members, action), members, workload),
  );
  if (endpoint.cidr !== undefined) sets.push(rangesOfCidr(endpoint.cidr));
  if (endpoint.unmanaged === true) sets.push(book.unmanaged);
  if (endpoint.internet === true) sets.push(book.internet);
  // Which addresses a name has is not known when a policy is compiled: an allow has none yet, a deny can't be told.
  if (endpoint.fqdn !== undefined && action === "allow") sets.push([]);
  const [first, ...rest] = sets;
  return first === undefined ? null : rest.reduce(intersectRanges, first);
}

/** For each factor about workloads, who may meet it. A reference that does not resolve: nobody in an allow, no restriction in a deny. */
function workloadSets(
  { set, inventory, membership }: Fleet,
  endpoint: Endpoint,
  action: Action,
): readonly (readonly Workload[])[] {
  const selected = (selector: LabelSelector): readonly Workload[] =>
    [...membership.select(selector)].flatMap((i) => inventory.workloads[i] ?? []);
  const sets: (readonly Workload[])[] = [];
  const { workload, segment, labels } = endpoint;
  if (workload !== undefined) {
    const named = listOf(workload).map((name) => inventory.byName.get(name));
    if (action === "allow" || !named.includes(undefined)) sets.push(named.filter((one) => one !== undefined));
  }
  if (segment !== undefined) {
    const segments = listOf(segment).map((name) => set.segments.find((one) => one.metadata.name === name));
    if (action === "allow" || !segments.includes(undefined)) {
      const found = segments.flatMap((one) => (one === undefined ? [] : selected(one.spec.workloads)));
      sets.push(segments.length > 1 ? [...new Set(found)] : found);
    }
  }
  if (labels !== undefined) sets.push(selected(labels));
  return sets;
}

/** A host's loopback addresses are its own, whoever else has them too. */
export function withLoopback(ranges: Ranges, members: readonly Workload[], self: Workload): Ranges {
  return members.includes(self) ? unionRanges([...ranges, ...loopbackRanges]) : ranges;
}

/** What an endpoint says about the place of the judging workload itself: true, false, or not known (which local address, by which name). */
export function ownPlace({ set, inventory }: Fleet, endpoint: Endpoint, self: Workload): boolean | null {
  const { workload, segment, labels, cidr } = endpoint;
  const truths: (boolean | null)[] = [];
  const anyOf = (found: readonly (boolean | null)[]) =>
    found.includes(true) ? true : found.includes(null) ? null : false;
  const { name } = self.metadata;
  if (workload !== undefined)
    truths.push(anyOf(listOf(workload).map((one) => (inventory.byName.has(one) ? one === name : null))));
  if (segment !== undefined) {
    const judged = listOf(segment).map((one) => {
      const found = set.segments.find((s) => s.metadata.name === one);
      return found === undefined ? null : selectsWorkload(found.spec.workloads, self);
    });
    truths.push(anyOf(judged));
  }
  if (labels !== undefined) truths.push(selectsWorkload(labels, self));
  if (cidr !== undefined) truths.push(ownInside(rangesOfCidr(cidr), self));
  if (endpoint.unmanaged === true || endpoint.internet === true) truths.push(false);
  if (endpoint.fqdn !== undefined) truths.push(null);
  return truths.includes(false) ? false : truths.includes(null) ? null : true;
}

function ownInside(ranges: Ranges, self: Workload): boolean | null {
  const addresses = ownAddresses(self).filter((one) => !isLoopback(one));
  const inside = addresses.filter((one) => ranges.some(({ first, last }) => one >= first && one <= last));
  if (addresses.length === 0 || (inside.length > 0 && inside.length < addresses.length)) return null;
  return inside.length > 0;
}

/** Prefixes that are exactly these ranges: listed, or everything without the rest, whichever is shorter. */
export function addressSetOf(ranges: Ranges): AddressSet {
  const listed = prefixesOf(ranges);
  if (listed.length <= LISTED_ALWAYS) return { include: listed, exclude: [] };
  const rest = prefixesOf(complementRanges(ranges));
  return rest.length + 2 < listed.length
    ? { include: ["0.0.0.0/0", "::/0"], exclude: rest }
    : { include: listed, exclude: [] };
}

/** So few prefixes are not worth a second look. */
const LISTED_ALWAYS = 4;
const MAPPED = { first: V4_MAPPED_FIRST, last: V4_MAPPED_LAST };

/** Each family by itself. An IPv6 prefix never holds IPv4 addresses, so the mapped block in its middle need not be cut out. */
function prefixesOf(ranges: Ranges): string[] {
  const v4 = intersectRanges(ranges, [MAPPED]);
  const v6 = subtractRanges(ranges, [MAPPED]);
  const around = rangesContain(v6, V4_MAPPED_FIRST - 1n) && rangesContain(v6, V4_MAPPED_LAST + 1n);
  const wide = (around ? unionRanges([...v6, MAPPED]) : v6).flatMap(prefixesOfRange);
  return [
    ...v4.flatMap(prefixesOfRange),
    ...wide.filter(({ address, bits }) => !isV4(address) || bits < 96),
  ].map(formatPrefix);
}
