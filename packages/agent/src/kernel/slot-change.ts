/** What differs between a slot as it was filled and as it should be: little enough to be written in place, or not. */
import type { PeerEntry, PolicyEntry, RemoteEntry, SlotContents, SubjectEntry } from "./contract.ts";

/** Entries to write and entries to take away, of one map. */
export interface MapChange<T> {
  readonly set: readonly T[];
  readonly remove: readonly T[];
}

export interface SlotChange {
  readonly policies: MapChange<PolicyEntry>;
  readonly peers: MapChange<PeerEntry>;
  readonly subjects: MapChange<SubjectEntry>;
  readonly remotes: MapChange<RemoteEntry>;
}

/** A share of a map's entries beyond which filling new maps is no slower than changing the old ones. */
const CHANGED_SHARE_MAX = 0.25;
/** So few are always changed in place. */
const CHANGED_ALWAYS = 64;

/** The entries of a slot: what `SlotContents` has without its header. */
export type SlotEntries = Pick<SlotContents, "policies" | "peers" | "subjects" | "remotes">;

/** Null where too much differs. Keys are unique in each list. */
export function slotChange(from: SlotEntries, to: SlotEntries): SlotChange | null {
  const policies = mapChange(from.policies, to.policies, policyKey, samePolicy);
  const peers = mapChange(from.peers, to.peers, peerKey, samePeer);
  const subjects = mapChange(from.subjects, to.subjects, (one) => String(one.identity), sameSubject);
  const remotes = mapChange(from.remotes ?? [], to.remotes ?? [], (one) => String(one.number), sameRemote);
  if (policies === null || peers === null || subjects === null || remotes === null) return null;
  return { policies, peers, subjects, remotes };
}

/** Lists are much the same from both ends: only what lies between is compared by key. */
function mapChange<T>(
  from: readonly T[],
  to: readonly T[],
  keyOf: (entry: T) => string,
  same: (a: T, b: T) => boolean,
): MapChange<T> | null {
  let first = 0;
  const shorter = Math.min(from.length, to.length);
  while (first < shorter && same(from[first] as T, to[first] as T)) first++;
  let last = 0;
  while (last < shorter - first && same(from[from.length - 1 - last] as T, to[to.length - 1 - last] as T))
    last++;
  const before = new Map(from.slice(first, from.length - last).map((entry) => [keyOf(entry), entry]));
  const set: T[] = [];
  for (const entry of to.slice(first, to.length - last)) {
    const key = keyOf(entry);
    const known = before.get(key);
    before.delete(key);
    if (known === undefined || !same(known, entry)) set.push(entry);
  }
  const changed = set.length + before.size;
  if (changed > Math.max(CHANGED_ALWAYS, to.length * CHANGED_SHARE_MAX)) return null;
  return { set, remove: [...before.values()] };
}

export function policyKey(one: PolicyEntry): string {
  return `${one.subject} ${one.peer} ${one.proto} ${one.port}/${one.portBits} ${one.direction} ${one.remote ?? 0}`;
}

function samePolicy(a: PolicyEntry, b: PolicyEntry): boolean {
  return (
    a.subject === b.subject &&
    a.peer === b.peer &&
    a.proto === b.proto &&
    a.port === b.port &&
    a.portBits === b.portBits &&
    a.direction === b.direction &&
    (a.remote ?? 0) === (b.remote ?? 0) &&
    a.rule === b.rule &&
    a.action === b.action &&
    a.immediate === b.immediate &&
    a.essential === b.essential
  );
}

function peerKey(one: PeerEntry): string {
  return `${Buffer.from(one.address).toString("hex")}/${one.prefixBits}`;
}

function samePeer(a: PeerEntry, b: PeerEntry): boolean {
  return (
    a.prefixBits === b.prefixBits &&
    a.peerClass === b.peerClass &&
    a.self === b.self &&
    a.managed === b.managed &&
    Buffer.compare(a.address, b.address) === 0
  );
}

function sameSubject(a: SubjectEntry, b: SubjectEntry): boolean {
  return a.identity === b.identity && a.subject === b.subject;
}

function sameRemote(a: RemoteEntry, b: RemoteEntry): boolean {
  return a.number === b.number && a.remote === b.remote;
}
