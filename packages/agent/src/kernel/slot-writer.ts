/**
 * Writes slots for one agent, which remembers what it put into each: a revision that differs little from the one before
 * the last is written in place, into maps that nobody reads, and costs its differences.
 */
import type { AnySlot, PolicyEntry, RemoteEntry, SlotContents, SlotIndex, SubjectEntry } from "./contract.ts";
import { KernelError } from "./kernel-error.ts";
import { policyKey, type SlotEntries, slotChange } from "./slot-change.ts";
import * as slots from "./slots.ts";

export interface SlotWriter {
  readonly write: (slot: AnySlot, contents: SlotContents) => Promise<void>;
  readonly switchTo: (slot: SlotIndex) => void;
  readonly addPolicies: (slot: AnySlot, entries: readonly PolicyEntry[]) => void;
  readonly addSubjects: (slot: AnySlot, entries: readonly SubjectEntry[]) => void;
  readonly removeSubjects: (slot: AnySlot, identities: ReadonlySet<number>) => void;
  readonly addRemotes: (slot: AnySlot, entries: readonly RemoteEntry[]) => void;
}

/** Entries of a slot that are remembered at most: they cost memory twice over. */
const REMEMBERED_MAX = 65_536;

/** What a slot was filled with, and by key the policy entries that it was given since, some of them in place of others. */
interface Remembered extends SlotEntries {
  readonly added: Map<string, PolicyEntry>;
}

export function createSlotWriter(maps: slots.SlotMaps): SlotWriter {
  const memory = new Map<AnySlot, Remembered>();
  /** Resolves when no program takes the slot that is not live for the live one any more. */
  let settled: Promise<void> | null = null;

  /** Begun at the switch, so that the next revision need not wait for it. */
  function settle(slot: SlotIndex): void {
    const done = slots.settleSlot(maps, slot);
    settled = done;
    // Whoever writes next begins anew.
    done.catch(() => {
      if (settled === done) settled = null;
    });
  }

  async function write(slot: AnySlot, contents: SlotContents): Promise<void> {
    slots.requireIdle(maps, slot);
    await (slot === SHADOW || settled === null ? slots.settleSlot(maps, slot) : settled);
    const before = memory.get(slot);
    memory.delete(slot);
    const change = before === undefined ? null : slotChange(entriesOf(before), contents);
    if (change === null || !changedInPlace(() => slots.changeSlot(maps, slot, change, contents)))
      await slots.fillSlot(maps, slot, contents);
    const { policies, peers, subjects, remotes = [] } = contents;
    remember(slot, { policies, peers, subjects, remotes, added: new Map() });
  }

  function remember(slot: AnySlot, entries: Remembered): void {
    const { policies, peers, added } = entries;
    if (policies.length + peers.length + added.size > REMEMBERED_MAX) memory.delete(slot);
    else memory.set(slot, entries);
  }

  /** What was done may have failed half-way: then nobody knows what is there. */
  function changed(slot: AnySlot, write: () => void, take: (before: Remembered) => Remembered): void {
    const before = memory.get(slot);
    memory.delete(slot);
    write();
    if (before !== undefined) remember(slot, take(before));
  }

  return {
    write,
    switchTo: (slot) => {
      const before = slots.liveSlot(maps);
      slots.switchSlot(maps, slot);
      if (before !== slot) settle(before);
    },
    addPolicies: (slot, entries) =>
      changed(
        slot,
        () => slots.addPolicies(maps, slot, entries),
        (before) => {
          for (const entry of entries) before.added.set(policyKey(entry), entry);
          return before;
        },
      ),
    addSubjects: (slot, entries) =>
      changed(
        slot,
        () => slots.addSubjects(maps, slot, entries),
        (before) => ({ ...before, subjects: replaced(before.subjects, entries, (one) => one.identity) }),
      ),
    removeSubjects: (slot, identities) =>
      changed(
        slot,
        () => slots.removeSubjects(maps, slot, identities),
        (before) => ({ ...before, subjects: before.subjects.filter((one) => !identities.has(one.identity)) }),
      ),
    addRemotes: (slot, entries) =>
      changed(
        slot,
        () => slots.addRemotes(maps, slot, entries),
        (before) => ({ ...before, remotes: replaced(before.remotes ?? [], entries, (one) => one.number) }),
      ),
  };
}

const SHADOW = 2 satisfies AnySlot;

function entriesOf({ added, ...entries }: Remembered): SlotEntries {
  if (added.size === 0) return entries;
  return { ...entries, policies: replaced(entries.policies, [...added.values()], policyKey) };
}

/** Each key once, the newer entry last. */
function replaced<T>(
  before: readonly T[],
  entries: readonly T[],
  keyOf: (entry: T) => number | string,
): readonly T[] {
  const keys = new Set(entries.map(keyOf));
  return [...before.filter((one) => !keys.has(keyOf(one))), ...entries];
}

/** False where a map has no room left: new ones are made then. */
function changedInPlace(change: () => void): boolean {
  try {
    change();
    return true;
  } catch (error) {
    if (error instanceof KernelError && (error.code === "E2BIG" || error.code === "ENOSPC")) return false;
    throw error;
  }
}
