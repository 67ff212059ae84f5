/** The two policy slots: fill the one that is not live, then switch. */
import type {
  AnySlot,
  PeerEntry,
  PolicyEntry,
  RemoteEntry,
  SlotContents,
  SlotHeader,
  SlotIndex,
  SubjectEntry,
} from "./contract.ts";
import {
  action,
  active,
  decodeSlot,
  direction,
  encodePeerKey,
  encodePeerValue,
  encodePolicyKey,
  encodePolicyValue,
  encodeSlot,
  limit,
  mode,
  peerFlag,
  peerKeyBytes,
  peerValueBytes,
  policyFlag,
  policyKeyBytes,
  policyValueBytes,
  slotBytes,
  slotFlag,
} from "./generated/layout.ts";
import { KernelError } from "./kernel-error.ts";
import { KernelMap, mapType, missing, room, u32 } from "./kernel-map.ts";
import { modeName } from "./names.ts";
import type { MapChange, SlotChange } from "./slot-change.ts";

/** Identities that may appear between two revisions without a new map. */
const SUBJECT_ROOM = 4096;
/** Numbers that the directory may get between two revisions without a new map. */
const REMOTE_ROOM = 4096;
/** Prefixes that the next revision may add without a new map; a trie takes memory for those that it has. */
const PEER_ROOM = 4096;
/** Policy entries of process classes that are met between two revisions. */
const POLICY_ROOM = 16_384;
const ANY = 0xffffffff;

export interface SlotMaps {
  readonly active: KernelMap;
  readonly slots: KernelMap;
  readonly policies: KernelMap;
  readonly peers: KernelMap;
  readonly subjects: KernelMap;
  readonly remotes: KernelMap;
}

export function liveSlot(maps: SlotMaps): SlotIndex {
  const value = maps.active.get(u32(active.slot));
  if (value === undefined) throw missing("active", "the live slot");
  return value.getUint32(0, true) === 0 ? 0 : 1;
}

export function switchSlot(maps: SlotMaps, slot: SlotIndex): void {
  maps.active.set(u32(active.slot), u32(slot));
}

export function readSlot(maps: SlotMaps, slot: AnySlot): SlotHeader {
  const raw = decodeSlot(rawSlot(maps, slot));
  return {
    generation: raw.generation,
    modeOut: modeName(raw.modeOut),
    modeIn: modeName(raw.modeIn),
    loopbackEnforce: raw.loopbackEnforce !== 0,
    failOpen: raw.failOpen !== 0,
    cutEstablished: (raw.flags & slotFlag.cut) !== 0,
  };
}

/** Keeps the port levels, which belong to the policy map. */
export function updateSlotHeader(maps: SlotMaps, slot: SlotIndex, header: SlotHeader): void {
  const raw = decodeSlot(rawSlot(maps, slot));
  const view = room(slotBytes);
  const flags = flagsOf(header) | (raw.flags & slotFlag.immediateIn);
  encodeSlot(view, { ...raw, ...headerFields(header), flags });
  maps.slots.set(u32(slot), view);
}

/** Throws where the slot is live. */
export function requireIdle(maps: SlotMaps, slot: AnySlot): void {
  if (liveSlot(maps) === slot) {
    throw new KernelError(`write slot ${slot}`, "EBUSY", "it is the live one; write the other and switch");
  }
}

/**
 * Puts new maps into a slot. INVARIANT (here and in `changeSlot`): the slot is not live, and no program that began while
 * it was is still at work, so nobody meets half of it. Its header goes last: a slot that was not finished has generation 0
 * and says so.
 */
export async function fillSlot(maps: SlotMaps, slot: AnySlot, contents: SlotContents): Promise<void> {
  maps.slots.set(u32(slot), room(slotBytes));
  // Each waits for the kernel; together they wait once.
  await Promise.all([
    replaceInner(maps.policies, slot, policyMap(contents.policies)),
    replaceInner(maps.peers, slot, peerMap(contents.peers)),
    replaceInner(maps.subjects, slot, subjectMap(contents.subjects)),
    replaceInner(maps.remotes, slot, remoteMap(contents.remotes ?? [])),
  ]);
  writeHeader(maps, slot, contents);
}

/** Changes the maps of a slot to what `contents` says, given what differs. */
export function changeSlot(maps: SlotMaps, slot: AnySlot, change: SlotChange, contents: SlotContents): void {
  maps.slots.set(u32(slot), room(slotBytes));
  changeInner(maps.policies, slot, change.policies, fillPolicies, (entry) => {
    const key = room(policyKeyBytes);
    encodePolicyKey(key, toPolicyKey(entry));
    return key;
  });
  changeInner(maps.peers, slot, change.peers, fillPeers, (entry) => {
    const key = room(peerKeyBytes);
    encodePeerKey(key, { prefixBits: entry.prefixBits, address: entry.address });
    return key;
  });
  changeInner(maps.subjects, slot, change.subjects, fillSubjects, (entry) => u32(entry.identity));
  changeInner(maps.remotes, slot, change.remotes, fillRemotes, (entry) => u32(entry.number));
  writeHeader(maps, slot, contents);
}

/** Takes away first, so that what comes finds room. */
function changeInner<T>(
  outer: KernelMap,
  slot: AnySlot,
  { set, remove }: MapChange<T>,
  fill: (map: KernelMap, entries: readonly T[]) => void,
  keyOf: (entry: T) => DataView,
): void {
  if (set.length + remove.length === 0) return;
  const map = outer.inner(slot);
  if (map === undefined) throw missing(outer.name, `slot ${slot}`);
  try {
    for (const entry of remove) map.delete(keyOf(entry));
    if (set.length > 0) fill(map, set);
  } finally {
    map.close();
  }
}

function writeHeader(maps: SlotMaps, slot: AnySlot, contents: SlotContents): void {
  const view = room(slotBytes);
  const flags = flagsOf(contents) | immediateIn(contents.policies);
  encodeSlot(view, { ...headerFields(contents), flags, ...levels(contents.policies) });
  maps.slots.set(u32(slot), view);
}

export function addSubjects(maps: SlotMaps, slot: AnySlot, entries: readonly SubjectEntry[]): void {
  const map = maps.subjects.inner(slot);
  if (map === undefined) throw missing("subjects", `slot ${slot}`);
  try {
    fillSubjects(map, entries);
  } finally {
    map.close();
  }
}

export function addRemotes(maps: SlotMaps, slot: AnySlot, entries: readonly RemoteEntry[]): void {
  const map = maps.remotes.inner(slot);
  if (map === undefined) throw missing("remotes", `slot ${slot}`);
  try {
    fillRemotes(map, entries);
  } finally {
    map.close();
  }
}

/** Entries first, then the port levels that make the kernel look for them: a reader meets all of a length or none. */
export function addPolicies(maps: SlotMaps, slot: AnySlot, entries: readonly PolicyEntry[]): void {
  const map = maps.policies.inner(slot);
  if (map === undefined) throw missing("policies", `slot ${slot}`);
  try {
    fillPolicies(map, entries);
  } finally {
    map.close();
  }
  const raw = decodeSlot(rawSlot(maps, slot));
  const added = levels(entries);
  const view = room(slotBytes);
  encodeSlot(view, {
    ...raw,
    flags: raw.flags | immediateIn(entries),
    levelsOut: raw.levelsOut.map((bits, pair) => (bits | (added.levelsOut[pair] ?? 0)) >>> 0),
    levelsIn: raw.levelsIn.map((bits, pair) => (bits | (added.levelsIn[pair] ?? 0)) >>> 0),
    levelsRemote: raw.levelsRemote.map((bits, i) => (bits | (added.levelsRemote[i] ?? 0)) >>> 0),
  });
  maps.slots.set(u32(slot), view);
}

function rawSlot(maps: SlotMaps, slot: AnySlot): DataView {
  const view = maps.slots.get(u32(slot));
  if (view === undefined) throw missing("slots", `slot ${slot}`);
  return view;
}

function headerFields(header: SlotHeader) {
  return {
    generation: header.generation,
    modeOut: mode[header.modeOut],
    modeIn: mode[header.modeIn],
    loopbackEnforce: header.loopbackEnforce ? 1 : 0,
    failOpen: header.failOpen ? 1 : 0,
  };
}

function flagsOf(header: SlotHeader): number {
  return header.cutEstablished ? slotFlag.cut : 0;
}

/** Says that observing is not all that comes in can meet. */
function immediateIn(entries: readonly PolicyEntry[]): number {
  return entries.some((entry) => entry.immediate && entry.direction === "in") ? slotFlag.immediateIn : 0;
}

/** Which port prefix lengths each pair uses, so that the kernel looks up no others. */
function levels(entries: readonly PolicyEntry[]) {
  const levelsOut = new Array<number>(limit.pairs).fill(0);
  const levelsIn = new Array<number>(limit.pairs).fill(0);
  const levelsRemote = [0, 0];
  for (const entry of entries) {
    if (entry.remote !== undefined && entry.remote !== 0) {
      const i = entry.direction === "out" ? 0 : 1;
      levelsRemote[i] = ((levelsRemote[i] ?? 0) | (1 << entry.portBits)) >>> 0;
      continue;
    }
    const pair = (entry.subject === ANY ? 1 : 0) | (entry.peer === ANY ? 2 : 0);
    const target = entry.direction === "out" ? levelsOut : levelsIn;
    target[pair] = ((target[pair] ?? 0) | (1 << entry.portBits)) >>> 0;
  }
  return { levelsOut, levelsIn, levelsRemote };
}

/**
 * Waits until no program is at work that took this slot for the live one: it may have read `active` just before the
 * last switch. The kernel waits for all programs when a map of maps changes; the map put in is the one that is there.
 */
export async function settleSlot(maps: SlotMaps, slot: AnySlot): Promise<void> {
  const there = maps.policies.inner(slot);
  // Never filled: never live.
  if (there !== undefined) await replaceInner(maps.policies, slot, there);
}

/** The slot holds the inner map from here on; our descriptor is not needed. */
async function replaceInner(outer: KernelMap, slot: AnySlot, inner: KernelMap): Promise<void> {
  try {
    await outer.insert(slot, inner);
  } finally {
    inner.close();
  }
}

function policyMap(entries: readonly PolicyEntry[]): KernelMap {
  const size = entries.length + POLICY_ROOM;
  const map = KernelMap.create("rw_policy", mapType.hash, policyKeyBytes, policyValueBytes, size);
  fillPolicies(map, entries);
  return map;
}

function fillPolicies(map: KernelMap, entries: readonly PolicyEntry[]): void {
  const keys = room(entries.length * policyKeyBytes);
  const values = room(entries.length * policyValueBytes);
  entries.forEach((entry, i) => {
    encodePolicyKey(keys, toPolicyKey(entry), i * policyKeyBytes);
    const flags = (entry.immediate ? policyFlag.immediate : 0) | (entry.essential ? policyFlag.essential : 0);
    encodePolicyValue(
      values,
      { action: action[entry.action], flags, rule: entry.rule },
      i * policyValueBytes,
    );
  });
  filled(map, keys, values, entries.length);
}

function toPolicyKey(entry: PolicyEntry) {
  const { portBits } = entry;
  if (portBits < 0 || portBits > limit.portBitsMax || !Number.isInteger(portBits)) {
    throw new RangeError(`a policy entry has ${portBits} port bits; want 0 to ${limit.portBitsMax}`);
  }
  return {
    subject: entry.subject,
    peer: entry.peer,
    port: entry.port & (0xffff0000 >> portBits) & 0xffff,
    proto: entry.proto,
    directionBits: (direction[entry.direction] << 5) | portBits,
    remote: entry.remote ?? 0,
  };
}

function peerMap(entries: readonly PeerEntry[]): KernelMap {
  const size = entries.length + PEER_ROOM;
  const map = KernelMap.create("rw_peers", mapType.lpmTrie, peerKeyBytes, peerValueBytes, size);
  fillPeers(map, entries);
  return map;
}

function fillPeers(map: KernelMap, entries: readonly PeerEntry[]): void {
  const keys = room(entries.length * peerKeyBytes);
  const values = room(entries.length * peerValueBytes);
  entries.forEach((entry, i) => {
    encodePeerKey(keys, { prefixBits: entry.prefixBits, address: entry.address }, i * peerKeyBytes);
    const flags = (entry.self ? peerFlag.self : 0) | (entry.managed ? peerFlag.managed : 0);
    encodePeerValue(values, { peerClass: entry.peerClass, flags }, i * peerValueBytes);
  });
  filled(map, keys, values, entries.length);
}

function subjectMap(entries: readonly SubjectEntry[]): KernelMap {
  const map = KernelMap.create("rw_subjects", mapType.hash, 4, 4, entries.length + SUBJECT_ROOM);
  fillSubjects(map, entries);
  return map;
}

function fillSubjects(map: KernelMap, entries: readonly SubjectEntry[]): void {
  const keys = room(entries.length * 4);
  const values = room(entries.length * 4);
  entries.forEach((entry, i) => {
    keys.setUint32(i * 4, entry.identity, true);
    values.setUint32(i * 4, entry.subject, true);
  });
  filled(map, keys, values, entries.length);
}

function remoteMap(entries: readonly RemoteEntry[]): KernelMap {
  const map = KernelMap.create("rw_remotes", mapType.hash, 4, 4, entries.length + REMOTE_ROOM);
  fillRemotes(map, entries);
  return map;
}

function fillRemotes(map: KernelMap, entries: readonly RemoteEntry[]): void {
  const keys = room(entries.length * 4);
  const values = room(entries.length * 4);
  entries.forEach((entry, i) => {
    keys.setUint32(i * 4, entry.number, true);
    values.setUint32(i * 4, entry.remote, true);
  });
  filled(map, keys, values, entries.length);
}

function filled(map: KernelMap, keys: DataView, values: DataView, count: number): KernelMap {
  map.setMany(new Uint8Array(keys.buffer), new Uint8Array(values.buffer), count);
  return map;
}
