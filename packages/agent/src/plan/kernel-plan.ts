import type { Mode, ProcessIdentity } from "@ringwall/model";
import type { PolicyEntry as LoweredEntry, LoweredHost } from "@ringwall/policy/lower";
import type {
  PeerEntry,
  PolicyEntry,
  RemoteEntry,
  SlotContents,
  SlotIndex,
  SubjectEntry,
} from "../kernel/contract.ts";
import type { Mode as KernelMode } from "../kernel/generated/layout.ts";

/** What should be in force. */
export type Desired = {
  readonly generation: bigint;
  readonly lowered: LoweredHost;
  /** Every process identity that this host has a number for. */
  readonly identities: Iterable<readonly [id: number, identity: ProcessIdentity]>;
  /** The fleet's numbers that this host knows; none where it reads no proofs. */
  readonly directory?: Iterable<readonly [number: number, identity: ProcessIdentity]>;
};

/** What is in force, as the kernel says. */
export type Actual = { readonly liveSlot: SlotIndex; readonly generation: bigint };

/**
 * What will change in the kernel: one slot is filled, then made live in one step. A value to be looked at; carrying it
 * out decides nothing more.
 */
export type KernelPlan = {
  readonly from: bigint;
  readonly slot: SlotIndex;
  readonly contents: SlotContents;
};

/** Pure: the same desired and actual state give the same plan, in whatever order processes were met. */
export function planKernel(desired: Desired, actual: Actual): KernelPlan {
  const { lowered, generation } = desired;
  const policies = lowered.entries.map(toPolicyEntry);
  const subjects: SubjectEntry[] = [];
  // In order of numbers, so that classes are numbered alike whatever the order of the iterable.
  const identities = [...desired.identities].sort(([a], [b]) => a - b);
  for (const [identity, process] of identities) {
    const { subject, entries } = lowered.subjectOf(process);
    for (const entry of entries) policies.push(toPolicyEntry(entry));
    subjects.push({ identity, subject });
  }
  const remotes: RemoteEntry[] = [];
  for (const [number, process] of [...(desired.directory ?? [])].sort(([a], [b]) => a - b)) {
    const { remote, entries } = lowered.remoteOf(process);
    for (const entry of entries) policies.push(toPolicyEntry(entry));
    remotes.push({ number, remote });
  }
  const { slot } = lowered;
  const peers: PeerEntry[] = slot.peers.map(({ address, bits, peerClass, self, managed }) => ({
    address,
    prefixBits: bits,
    peerClass,
    self,
    managed,
  }));
  const header = {
    generation,
    modeOut: kernelMode(slot.modes.outbound),
    modeIn: kernelMode(slot.modes.inbound),
    loopbackEnforce: slot.loopbackEnforce,
    failOpen: slot.failOpen,
    cutEstablished: slot.cutEstablished,
    judgesListeners: slot.judgesListeners,
  };
  return {
    from: actual.generation,
    slot: actual.liveSlot === 0 ? 1 : 0,
    contents: { ...header, policies, peers, subjects, remotes },
  };
}

/** The lowering's entry in the kernel's terms. */
export function toPolicyEntry(entry: LoweredEntry): PolicyEntry {
  const { subject, peer, proto, port, portBits, action, immediate, essential, rule, remote } = entry;
  const direction = entry.direction === "outbound" ? "out" : "in";
  return { subject, peer, proto, port, portBits, direction, action, immediate, essential, rule, remote };
}

function kernelMode(mode: Mode | null): KernelMode {
  return mode ?? "ungoverned";
}
