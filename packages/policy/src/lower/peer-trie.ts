import { encodeAddress, formatPrefix, isV4, type Prefix, prefixOrUndefined } from "@ringwall/model";
import type { AddressSet, HostPolicy } from "./host-policy.ts";
import { PEER_NONE, type PeerEntry } from "./kernel.ts";

/** Addresses that no set of the policy tells apart share a class; the trie says which class an address is in. */
export type PeerClasses = {
  readonly entries: readonly PeerEntry[];
  /** For each class its address sets, by index into `HostPolicy.addressSets`; `PEER_NONE` is in none. */
  readonly setsOf: readonly (readonly number[])[];
};

type Node = {
  readonly prefix: Prefix;
  readonly include: Set<number>;
  readonly exclude: Set<number>;
  self: boolean;
  managed: boolean;
};

/**
 * One trie entry for each prefix the policy mentions: which sets hold an address depends only on the mentioned
 * prefixes around it, and the longest of them is what the kernel finds. Entries that repeat what is around them are left out.
 */
export function peerClassesOf(policy: HostPolicy): PeerClasses {
  const nodes = sorted(mentions(policy));
  const classes = new Map<string, number>([["", PEER_NONE]]);
  const setsOf: (readonly number[])[] = [[]];
  const entries: PeerEntry[] = [];
  const around: { node: Node; sets: ReadonlySet<number>; out: ReadonlySet<number>; entry: string }[] = [];
  for (const node of nodes) {
    while (around.length > 0 && !contains((around.at(-1) as (typeof around)[0]).node.prefix, node.prefix))
      around.pop();
    const parent = around.at(-1);
    const sets = new Set([...(parent?.sets ?? []), ...node.include]);
    const out = new Set([...(parent?.out ?? []), ...node.exclude]);
    const members = [...sets].filter((one) => !out.has(one)).sort((a, b) => a - b);
    const signature = members.join(",");
    const peerClass = classes.get(signature) ?? setsOf.push(members) - 1;
    classes.set(signature, peerClass);
    const entry = `${peerClass} ${node.self} ${node.managed}`;
    if (entry !== (parent?.entry ?? `${PEER_NONE} false false`)) entries.push(peerEntryOf(node, peerClass));
    around.push({ node, sets, out, entry });
  }
  return { entries, setsOf };
}

function peerEntryOf({ prefix, self, managed }: Node, peerClass: number): PeerEntry {
  return { address: encodeAddress(prefix.address), bits: prefix.bits, peerClass, self, managed };
}

function mentions(policy: HostPolicy): ReadonlyMap<string, Node> {
  const nodes = new Map<string, Node>();
  const at = (text: string): Node | undefined => {
    const prefix = prefixOrUndefined(text);
    if (prefix === undefined) return undefined;
    const key = formatPrefix(prefix);
    const node = nodes.get(key) ?? {
      prefix,
      include: new Set(),
      exclude: new Set(),
      self: false,
      managed: false,
    };
    nodes.set(key, node);
    return node;
  };
  // An IPv6 block around the mapped block holds no IPv4 address: the mapped block always stands for itself.
  at("0.0.0.0/0");
  policy.addressSets.forEach((set: AddressSet, index) => {
    // Which addresses have the names is not known here.
    if (set.fqdn !== undefined) return;
    for (const text of set.include) at(text)?.include.add(index);
    for (const text of set.exclude) at(text)?.exclude.add(index);
  });
  for (const text of policy.managedAddresses) mark(at(text), "managed");
  for (const text of [...policy.selfAddresses, "127.0.0.0/8", "::1/128"]) mark(at(text), "self");
  inheritMarks(nodes);
  return nodes;
}

function mark(node: Node | undefined, as: "self" | "managed"): void {
  if (node !== undefined) node[as] = true;
}

/** A block inside 127.0.0.0/8 is the host's own as well: the kernel sees only the longest prefix. */
function inheritMarks(nodes: ReadonlyMap<string, Node>): void {
  const around: Node[] = [];
  for (const node of sorted(nodes)) {
    while (around.length > 0 && !contains((around.at(-1) as Node).prefix, node.prefix)) around.pop();
    const parent = around.at(-1);
    node.self ||= parent?.self ?? false;
    node.managed ||= parent?.managed ?? false;
    around.push(node);
  }
}

/** IPv4 first, so that each family is one run; in each, outer before inner. */
function sorted(nodes: ReadonlyMap<string, Node>): readonly Node[] {
  const inV4 = ({ prefix }: Node) => (isV4(prefix.address) && prefix.bits >= 96 ? 0 : 1);
  const byAddress = (a: Prefix, b: Prefix) =>
    a.address < b.address ? -1 : a.address > b.address ? 1 : a.bits - b.bits;
  return [...nodes.values()].sort((a, b) => inV4(a) - inV4(b) || byAddress(a.prefix, b.prefix));
}

/** IPv6 blocks don't contain the mapped block, though their bits do. */
function contains(outer: Prefix, inner: Prefix): boolean {
  if (isV4(inner.address) && inner.bits >= 96 && outer.bits < 96) return false;
  return outer.bits <= inner.bits && (inner.address ^ outer.address) >> BigInt(128 - outer.bits) === 0n;
}
