import type { ProcessIdentity } from "@ringwall/model";
import {
  type HostPolicy,
  type LoweredHost,
  lowerHost,
  type NamedAddress,
  namePatterns,
  withNames,
} from "@ringwall/policy/lower";
import type { Kernel, SlotContents, SlotIndex } from "../kernel/contract.ts";
import { KernelError } from "../kernel/kernel-error.ts";
import { type KernelPlan, planKernel, toPolicyEntry } from "../plan/kernel-plan.ts";

/** A slot with the lowering that filled it: both number the same process classes. */
type FilledSlot = {
  readonly slot: SlotIndex;
  readonly policy: HostPolicy;
  /** The policy with the names of then as addresses: what was lowered. */
  readonly resolved: HostPolicy;
  readonly lowered: LoweredHost;
  readonly admitted: Set<number>;
};
type Numbered = Iterable<readonly [number: number, identity: ProcessIdentity]>;

export type Enforcer = {
  /** Puts a policy in force in one step. One at a time: the caller waits for each. */
  readonly apply: (generation: bigint, policy: HostPolicy) => Promise<KernelPlan>;
  /** Governs nothing any more: every flow is allowed and recorded. */
  readonly clear: () => Promise<void>;
  /** Makes the live slot (and one being filled) know an identity; resolves when the kernel judges by it. */
  readonly admit: (id: number, identity: ProcessIdentity) => Promise<void>;
  /** The live slot knows identities no more that were given back. */
  readonly dismiss: (ids: ReadonlySet<number>) => void;
  /** Makes the slots know a number of the fleet's directory: a new one, or what it means now. */
  readonly admitRemote: (number: number, identity: ProcessIdentity) => Promise<void>;
  /** Names have other addresses now: the live policy is judged by those, where it goes by names. */
  readonly namesChanged: () => Promise<void>;
  /** Judges the policy in force, and each that follows, by what this makes of it; null = as it is. */
  readonly extend: (change: ((policy: HostPolicy) => HostPolicy) | null) => Promise<void>;
  /** The policy in force, without what extends it; null before the first. */
  readonly policy: () => HostPolicy | null;
  /** Whether a rule in force goes by names. */
  readonly hasNames: () => boolean;
  /** The lowering in force; null before the first policy. */
  readonly lowered: () => LoweredHost | null;
};

/**
 * Carries plans out. `identities` gives all that have a number here, `directory` those of the fleet. INVARIANT: a class's entries are in the kernel before
 * an identity is put into the class, and a slot is complete before it is made live.
 */
export function createEnforcer(
  kernel: Kernel,
  identities: () => Numbered,
  directory: () => Numbered = () => [],
  names: () => Iterable<NamedAddress> = () => [],
): Enforcer {
  let live: FilledSlot | null = null;
  let filling: {
    readonly target: FilledSlot;
    readonly late: Map<number, ProcessIdentity>;
    readonly lateRemotes: Map<number, ProcessIdentity>;
  } | null = null;
  let refill: Promise<unknown> | null = null;
  let extension = (policy: HostPolicy) => policy;
  let tail: Promise<unknown> = Promise.resolve();

  /** Only one slot is free to be filled. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = tail.then(work, work);
    tail = done.catch(() => undefined);
    return done;
  }

  async function apply(generation: bigint, policy: HostPolicy): Promise<KernelPlan> {
    // Lowered anew each time: a lowering hands out the entries of a class only once.
    const resolved = withNames(extension(policy), names());
    const lowered = lowerHost(resolved);
    const liveSlot = kernel.liveSlot();
    const actual = { liveSlot, generation: kernel.readSlot(liveSlot).generation };
    const plan = planKernel(
      { generation, lowered, identities: identities(), directory: directory() },
      actual,
    );
    const admitted = new Set(plan.contents.subjects.map((entry) => entry.identity));
    const target: FilledSlot = { slot: plan.slot, policy, resolved, lowered, admitted };
    filling = { target, late: new Map(), lateRemotes: new Map() };
    try {
      await kernel.writeSlot(plan.slot, plan.contents);
      // Met while the slot was being filled; from here to the switch nothing can come in between.
      for (const [id, identity] of filling.late) put(target, id, identity);
      for (const [number, identity] of filling.lateRemotes) putRemote(target, number, identity);
      kernel.switchSlot(plan.slot);
      live = target;
    } finally {
      filling = null;
    }
    return plan;
  }

  function put(target: FilledSlot, id: number, identity: ProcessIdentity): void {
    if (target.admitted.has(id)) return;
    const { subject, entries } = target.lowered.subjectOf(identity);
    if (entries.length > 0) kernel.addPolicies(target.slot, entries.map(toPolicyEntry));
    kernel.addSubjects(target.slot, [{ identity: id, subject }]);
    target.admitted.add(id);
  }

  function putRemote(target: FilledSlot, number: number, identity: ProcessIdentity): void {
    const { remote, entries } = target.lowered.remoteOf(identity);
    if (entries.length > 0) kernel.addPolicies(target.slot, entries.map(toPolicyEntry));
    kernel.addRemotes(target.slot, [{ number, remote }]);
  }

  /** Where a map is full, the same policy goes into larger ones. */
  async function orRefill(target: FilledSlot, write: () => void): Promise<void> {
    try {
      write();
    } catch (error) {
      if (!(error instanceof KernelError) || error.code !== "E2BIG") throw error;
      // Where another revision is being filled, it has room for this one too.
      if (filling === null) await refillOnce(target);
    }
  }

  /** The live slot's maps have no room left: the same policy goes into maps of the right size. */
  function refillOnce(target: FilledSlot): Promise<unknown> {
    refill ??= inTurn(() => apply(kernel.readSlot(target.slot).generation, target.policy)).finally(() => {
      refill = null;
    });
    return refill;
  }

  return {
    apply: (generation, policy) => inTurn(() => apply(generation, policy)),
    clear: () =>
      inTurn(async () => {
        const slot: SlotIndex = kernel.liveSlot() === 0 ? 1 : 0;
        await kernel.writeSlot(slot, UNGOVERNED);
        kernel.switchSlot(slot);
        live = null;
      }),
    namesChanged: () =>
      inTurn(async () => {
        if (live === null || sameSets(withNames(extension(live.policy), names()), live.resolved)) return;
        await apply(kernel.readSlot(live.slot).generation, live.policy);
      }),
    extend: (change) =>
      inTurn(async () => {
        extension = change ?? ((policy) => policy);
        if (live !== null) await apply(kernel.readSlot(live.slot).generation, live.policy);
      }),
    policy: () => live?.policy ?? null,
    hasNames: () => live !== null && namePatterns(live.policy).length > 0,
    lowered: () => live?.lowered ?? null,
    admit: async (id, identity) => {
      if (filling !== null && !filling.target.admitted.has(id)) filling.late.set(id, identity);
      const target = live;
      if (target !== null) await orRefill(target, () => put(target, id, identity));
    },
    // One that is being filled has them until the next.
    dismiss: (ids) => {
      const target = live;
      if (target === null) return;
      const known = [...ids].filter((id) => target.admitted.delete(id));
      if (known.length > 0) kernel.removeSubjects(target.slot, new Set(known));
    },
    admitRemote: async (number, identity) => {
      if (filling !== null) filling.lateRemotes.set(number, identity);
      const target = live;
      if (target !== null) await orRefill(target, () => putRemote(target, number, identity));
    },
  };
}

function sameSets(a: HostPolicy, b: HostPolicy): boolean {
  return a === b || JSON.stringify(a.addressSets) === JSON.stringify(b.addressSets);
}

const UNGOVERNED: SlotContents = {
  generation: 0n,
  modeOut: "ungoverned",
  modeIn: "ungoverned",
  loopbackEnforce: false,
  failOpen: false,
  cutEstablished: false,
  policies: [],
  peers: [],
  subjects: [],
};
