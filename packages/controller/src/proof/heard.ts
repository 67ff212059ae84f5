/** Which version of the proofs each agent goes on by, and who waits until one has heard of its keys. */
import { AWAY_AWAITED_MS_MAX } from "./limits.ts";

export type Heard = {
  /** An agent was given a version: that counts for as long as it does not say itself what it has. */
  given(workload: string, version: number): void;
  /** By the agent's own word: what it has, also after a restart. */
  has(workload: string, version: number): void;
  versionOf(workload: string): number;
  wait(owner: string, forWhom: string): void;
  /** Those that waited for this one. */
  takeWaiting(forWhom: string): Iterable<string>;
};

/** Whether the newest key of a host still waits for those that have not heard of it; undefined: it has none. */
export function isAwaited(offeredAt: Date | undefined, nowMs: number): boolean {
  return offeredAt !== undefined && nowMs - offeredAt.getTime() <= AWAY_AWAITED_MS_MAX;
}

export function createHeard(): Heard {
  const given = new Map<string, number>();
  const had = new Map<string, number>();
  const waiting = new Map<string, Set<string>>();
  return {
    given: (workload, version) => void given.set(workload, version),
    has: (workload, version) => void had.set(workload, version),
    versionOf: (workload) => had.get(workload) ?? given.get(workload) ?? 0,
    wait: (owner, forWhom) => void waiting.set(forWhom, (waiting.get(forWhom) ?? new Set()).add(owner)),
    takeWaiting: (forWhom) => {
      const owners = waiting.get(forWhom) ?? [];
      waiting.delete(forWhom);
      return owners;
    },
  };
}
