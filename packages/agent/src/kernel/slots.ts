/** The two policy slots: fill the one that is not live, then switch. */
import type {
  AnySlot,
  PolicyEntry,
  RemoteEntry,
  SlotContents,
  SlotHeader,
  SlotIndex,
  SubjectEntry,
} from "./contract.ts";
import {
  active,
  decodeSlot,
  encodePeerKey,
  encodePolicyKey,
  encodeSlot,
  limit,
  mode,
  peerKeyBytes,
  policyKeyBytes,
  slotBytes,
  slotFlag,
} from "./generated/layout.ts";
import { KernelError } from "./kernel-error.ts";
import { type KernelMap, missing, room, u32 } from "./kernel-map.ts";
import { modeName } from "./names.ts";
import type { MapChange, SlotChange } from "./slot-change.ts";
import {
  fillPeers,
  fillPolicies,
  fillRemotes,
  fillSubjects,
  peerMap,
  policyMap,
  remoteMap,
  subjectMap,
  toPolicyKey,
} from "./slot-maps.ts";

/** Identities that may appear between two revisions without a new map. */
const SUBJECT_ROOM = 4096;
/** Numbers that the directory may get between two revisions without a new map. */
const REMOTE_ROOM = 4096;
/** Prefixes that the next revision may add without a new map; a trie takes memory for those that it has. */
const PEER_ROOM = 4096;
/** Policy entries of process classes that are met between two revisions. */
const POLICY_ROOM = 16_384;
/** Of each room, where the slot is that of a carried workload. */
const CARRIED_ROOM_SHARE = 32;
const ANY = 0xffffffff;

export interface SlotMaps {
  readonly active: KernelMap;
  readonly slots: KernelMap;
  readonly policies: KernelMap;
  readonly peers: KernelMap;
  readonly subjects: KernelMap;
  readonly remotes: KernelMap;
  /** Which slot of each carried workload is live. */
  readonly workloads: KernelMap;
  /** Whose slots: 0 is the host's, others are what it carries. */
  readonly workload: number;
}

/** In `active` beside the host's live slot: control groups are asked whose they are. */
export const CARRIES = 2;

/** The slot's place among those of all workloads. */
function placeOf({ workload }: SlotMaps, slot: AnySlot): number {
  return workload * limit.slotsEach + slot;
}

/** A carried workload is met by fewer programs than a host, and there may be hundreds: larger maps are made when needed. */
function roomOf({ workload }: SlotMaps, entries: number): number {
  return workload === 0 ? entries : entries / CARRIED_ROOM_SHARE;
}

export function liveSlot(maps: SlotMaps): SlotIndex {
  const { workload } = maps;
  const value = workload === 0 ? maps.active.get(u32(active.slot)) : maps.workloads.get(u32(workload));
  if (value === undefined) throw missing("active", "the live slot");
  return (value.getUint32(0, true) & 1) === 0 ? 0 : 1;
}

export function switchSlot(maps: SlotMaps, slot: SlotIndex): void {
  if (maps.workload !== 0) {
    maps.workloads.set(u32(maps.workload), u32(slot));
    return;
  }
  const before = maps.active.get(u32(active.slot))?.getUint32(0, true) ?? 0;
  maps.active.set(u32(active.slot), u32((before & CARRIES) | slot));
}

/** From now on a control group's owner is looked up: what is carried is judged by its own policy. */
export function beginCarrying(maps: Pick<SlotMaps, "active">): void {
  const before = maps.active.get(u32(active.slot))?.getUint32(0, true) ?? 0;
  maps.active.set(u32(active.slot), u32(before | CARRIES));
}

export function endCarrying(maps: Pick<SlotMaps, "active">): void {
  const before = maps.active.get(u32(active.slot))?.getUint32(0, true) ?? 0;
  maps.active.set(u32(active.slot), u32(before & ~CARRIES));
}

/** Empties the slots of a workload that is gone. */
export async function clearSlots(maps: SlotMaps): Promise<void> {
  const places = ([0, 1, 2] as const).map((slot) => placeOf(maps, slot));
  for (const place of places) maps.slots.set(u32(place), room(slotBytes));
  maps.workloads.set(u32(maps.workload), u32(0));
  const outers = [maps.policies, maps.peers, maps.subjects, maps.remotes];
  await Promise.all(places.flatMap((place) => outers.map((outer) => outer.remove(place))));
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
  const flags = flagsOf(header) | (raw.flags & (slotFlag.immediateIn | slotFlag.listeners));
  encodeSlot(view, { ...raw, ...headerFields(header), flags });
  maps.slots.set(u32(placeOf(maps, slot)), view);
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
  maps.slots.set(u32(placeOf(maps, slot)), room(slotBytes));
  // Each waits for the kernel; together they wait once.
  await Promise.all([
    replaceInner(maps.policies, placeOf(maps, slot), policyMap(contents.policies, roomOf(maps, POLICY_ROOM))),
    replaceInner(maps.peers, placeOf(maps, slot), peerMap(contents.peers, PEER_ROOM)),
    replaceInner(
      maps.subjects,
      placeOf(maps, slot),
      subjectMap(contents.subjects, roomOf(maps, SUBJECT_ROOM)),
    ),
    replaceInner(
      maps.remotes,
      placeOf(maps, slot),
      remoteMap(contents.remotes ?? [], roomOf(maps, REMOTE_ROOM)),
    ),
  ]);
  writeHeader(maps, slot, contents);
}

/** Changes the maps of a slot to what `contents` says, given what differs. */
export function changeSlot(maps: SlotMaps, slot: AnySlot, change: SlotChange, contents: SlotContents): void {
  maps.slots.set(u32(placeOf(maps, slot)), room(slotBytes));
  changeInner(maps.policies, placeOf(maps, slot), change.policies, fillPolicies, (entry) => {
    const key = room(policyKeyBytes);
    encodePolicyKey(key, toPolicyKey(entry));
    return key;
  });
  changeInner(maps.peers, placeOf(maps, slot), change.peers, fillPeers, (entry) => {
    const key = room(peerKeyBytes);
    encodePeerKey(key, { prefixBits: entry.prefixBits, address: entry.address });
    return key;
  });
  changeInner(maps.subjects, placeOf(maps, slot), change.subjects, fillSubjects, (entry) =>
    u32(entry.identity),
  );
  changeInner(maps.remotes, placeOf(maps, slot), change.remotes, fillRemotes, (entry) => u32(entry.number));
  writeHeader(maps, slot, contents);
}

/** Takes away first, so that what comes finds room. */
function changeInner<T>(
  outer: KernelMap,
  slot: number,
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
  const listeners = contents.judgesListeners === true ? slotFlag.listeners : 0;
  const flags = flagsOf(contents) | immediateIn(contents.policies) | listeners;
  encodeSlot(view, { ...headerFields(contents), flags, ...levels(contents.policies) });
  maps.slots.set(u32(placeOf(maps, slot)), view);
}

export function addSubjects(maps: SlotMaps, slot: AnySlot, entries: readonly SubjectEntry[]): void {
  const map = maps.subjects.inner(placeOf(maps, slot));
  if (map === undefined) throw missing("subjects", `slot ${slot}`);
  try {
    fillSubjects(map, entries);
  } finally {
    map.close();
  }
}

/** Nothing where the slot was never filled. */
export function removeSubjects(maps: SlotMaps, slot: AnySlot, identities: Iterable<number>): void {
  const map = maps.subjects.inner(placeOf(maps, slot));
  try {
    for (const identity of identities) map?.delete(u32(identity));
  } finally {
    map?.close();
  }
}

export function addRemotes(maps: SlotMaps, slot: AnySlot, entries: readonly RemoteEntry[]): void {
  const map = maps.remotes.inner(placeOf(maps, slot));
  if (map === undefined) throw missing("remotes", `slot ${slot}`);
  try {
    fillRemotes(map, entries);
  } finally {
    map.close();
  }
}

/** Entries first, then the port levels that make the kernel look for them: a reader meets all of a length or none. */
export function addPolicies(maps: SlotMaps, slot: AnySlot, entries: readonly PolicyEntry[]): void {
  const map = maps.policies.inner(placeOf(maps, slot));
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
  maps.slots.set(u32(placeOf(maps, slot)), view);
}

function rawSlot(maps: SlotMaps, slot: AnySlot): DataView {
  const view = maps.slots.get(u32(placeOf(maps, slot)));
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
  const there = maps.policies.inner(placeOf(maps, slot));
  // Never filled: never live.
  if (there !== undefined) await replaceInner(maps.policies, placeOf(maps, slot), there);
}

/** The slot holds the inner map from here on; our descriptor is not needed. */
async function replaceInner(outer: KernelMap, slot: number, inner: KernelMap): Promise<void> {
  try {
    await outer.insert(slot, inner);
  } finally {
    inner.close();
  }
}
