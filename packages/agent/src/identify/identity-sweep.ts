import type { IdentityKey, Kernel } from "../kernel/contract.ts";
import type { IdentityBook } from "./identity-book.ts";
import { presentCgroups } from "./present-cgroups.ts";

/** Fewer new numbers than this are not worth a look at all control groups. */
export const NEW_IDENTITIES_MIN = 64;

export type IdentitySweepParts = {
  readonly kernel: Pick<Kernel, "readTasks" | "readCgroupsInUse" | "deleteIdentities">;
  readonly book: Pick<IdentityBook, "keys" | "given" | "forget" | "cgroupOf">;
  /** Where cgroup2 is mounted. */
  readonly mount: string;
  /** Identities that something is still to be told of. */
  readonly awaited: () => Iterable<number>;
  /** All flows that were counted by then are told, by performance.now(). */
  readonly toldMs: () => number;
  /** The kernel knows them no more: neither should policies and proofs. */
  readonly onGone: (ids: ReadonlySet<number>) => void;
};

export type IdentitySweep = {
  /**
   * The first look finds what is of no use, the next one gives it back where it still is; returns how many identities.
   * Then nothing is looked at until there are NEW_IDENTITIES_MIN more.
   */
  readonly look: () => Promise<number>;
};

/**
 * Each start of a unit, each login and each container has a control group of its own, and with it new identities. Those
 * of a group that was removed are given back, unless a process that was moved out of it, an open connection or a draft
 * still goes by them. Two looks, and the second only once the flows that were counted by the first are told.
 */
export function createIdentitySweep(parts: IdentitySweepParts): IdentitySweep {
  const { kernel, book } = parts;
  let unused: ReadonlySet<number> = new Set();
  let givenThen = 0;
  let foundMs = 0;

  async function livingCgroups(): Promise<ReadonlySet<bigint>> {
    const present = await presentCgroups(parts.mount);
    const used = await kernel.readCgroupsInUse();
    // Also where this machine's mount shows only a part of the tree.
    const running = kernel.readTasks().map(({ cgroupId }) => cgroupId);
    const told = [...parts.awaited()].flatMap((id) => book.cgroupOf(id) ?? []);
    return new Set([...present, ...used, ...running, ...told]);
  }

  /** The journal last: what it still knows is only written to the kernel again. */
  function giveBack(gone: readonly (readonly [number, IdentityKey])[]): void {
    if (gone.length === 0) return;
    const ids = new Set(gone.map(([id]) => id));
    kernel.deleteIdentities(gone);
    parts.onGone(ids);
    book.forget(ids);
  }

  return {
    look: async () => {
      const isSecond = unused.size > 0;
      if (isSecond ? parts.toldMs() <= foundMs : book.given() - givenThen < NEW_IDENTITIES_MIN) return 0;
      // INVARIANT: listed first, so that each one's group is older than the look at what is there.
      const listed: readonly (readonly [number, IdentityKey])[] = [...book.keys()];
      const given = book.given();
      const living = await livingCgroups();
      const found = listed.filter(([, { cgroupId }]) => !living.has(cgroupId));
      if (!isSecond) {
        givenThen = given;
        unused = new Set(found.map(([id]) => id));
        foundMs = performance.now();
        return 0;
      }
      const gone = found.filter(([id]) => unused.has(id));
      giveBack(gone);
      unused = new Set();
      return gone.length;
    },
  };
}
