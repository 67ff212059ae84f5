/** Which key of each host all have that are to check what is proved with it. */
import type { History } from "./history.ts";
import { AWAY_AWAITED_MS_MAX } from "./limits.ts";

export type HeardParts = {
  /** The keys of each host that proves, oldest first. */
  readonly keys: ReadonlyMap<
    string,
    { readonly keys: readonly { readonly generation: number; readonly offeredAt: Date }[] }
  >;
  readonly history: Pick<History, "changedAt" | "isTooOld">;
  /** Whether a host is to check what the owner proves. */
  readonly relatedTo: (owner: string) => (workload: string) => boolean;
  readonly nowMs: () => number;
  /** All have the newest key of this host by now. */
  readonly onHeard: (owner: string) => void;
};

export type Heard = {
  /** An agent was given a version of the proofs: that counts for as long as it does not say itself what it has. */
  readonly given: (workload: string, version: number) => void;
  /** By the agent's own word: what it has, also after a restart. */
  readonly has: (workload: string, version: number) => void;
  /** Others may be related to this host now, or it has other keys: who waited for it may wait no more. */
  readonly lookAgain: (workload: string) => void;
  /** The newest key of a host that all have; 0 for none. Who is away for longer than AWAY_AWAITED_MS_MAX is not waited for. */
  readonly generationOf: (owner: string) => number;
};

export function createHeard(parts: HeardParts): Heard {
  const { keys, history } = parts;
  const given = new Map<string, number>();
  const had = new Map<string, number>();
  /** Who waits for this host. */
  const waiting = new Map<string, Set<string>>();

  function isHeardByAll(owner: string): boolean {
    const offeredAt = keys.get(owner)?.keys.at(-1)?.offeredAt;
    if (offeredAt === undefined || parts.nowMs() - offeredAt.getTime() > AWAY_AWAITED_MS_MAX) return true;
    const isRelated = parts.relatedTo(owner);
    const since = history.changedAt(owner);
    for (const one of keys.keys()) {
      const version = had.get(one) ?? given.get(one) ?? 0;
      if (one === owner || (version >= since && !history.isTooOld(version)) || !isRelated(one)) continue;
      waiting.set(one, (waiting.get(one) ?? new Set()).add(owner));
      return false;
    }
    return true;
  }

  function lookAgain(workload: string): void {
    const owners = waiting.get(workload) ?? [];
    waiting.delete(workload);
    for (const owner of owners) if (isHeardByAll(owner)) parts.onHeard(owner);
  }

  return {
    given: (workload, version) => {
      given.set(workload, version);
      lookAgain(workload);
    },
    has: (workload, version) => {
      had.set(workload, version);
      lookAgain(workload);
    },
    lookAgain,
    generationOf: (owner) => {
      const generations = keys.get(owner)?.keys.map((key) => key.generation) ?? [];
      return (isHeardByAll(owner) ? generations : generations.slice(0, -1)).at(-1) ?? 0;
    },
  };
}
