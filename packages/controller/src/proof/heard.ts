/** Which key of each host all have that are to check what is proved with it. */
import type { History } from "./history.ts";
import { AWAITED_SHOWN_AFTER_MS, AWAY_AWAITED_MS_MAX } from "./limits.ts";

export type HeardParts = {
  /** The keys of each host that proves, oldest first. */
  readonly keys: ReadonlyMap<
    string,
    { readonly keys: readonly { readonly generation: number; readonly offeredAt: Date }[] }
  >;
  readonly history: Pick<History, "changedAt" | "isTooOld">;
  /** Whether a host is to check what the owner proves. */
  readonly relatedTo: (owner: string) => (workload: string) => boolean;
  readonly isConnected: (workload: string) => boolean;
  readonly nowMs: () => number;
  /** All have the newest key of this host by now. */
  readonly onHeard: (owner: string) => void;
};

/** What one host holds up that others wait for. */
export type Awaited = {
  /** Whose newest keys it does not have; connected ones, since who is away turns no key anyway. */
  readonly owners: readonly string[];
  /** When the first of these keys was offered. */
  readonly sinceMs: number;
  /** When the last of them is used all the same. */
  readonly untilMs: number;
};

export type Heard = {
  /** An agent was given a version of the proofs: that counts for as long as it does not say itself what it has. */
  readonly given: (workload: string, version: number) => void;
  /** By the agent's own word: what it has, also after a restart. */
  readonly has: (workload: string, version: number) => void;
  /** Others may be related to this host now, or it has other keys: who waited for it may wait no more. */
  readonly lookAgain: (workload: string) => void;
  /** Time has gone on: nobody is waited for for longer than AWAY_AWAITED_MS_MAX. */
  readonly lookAtAll: () => void;
  /** The host is set up anew, or gone: what it had is nothing it has now. */
  readonly forget: (workload: string) => void;
  /** The newest key of a host that all have; 0 for none. Who is away for longer than AWAY_AWAITED_MS_MAX is not waited for. */
  readonly generationOf: (owner: string) => number;
  /** Hosts that others have been waiting for, by their names. */
  readonly awaited: () => ReadonlyMap<string, Awaited>;
};

export function createHeard(parts: HeardParts): Heard {
  const { keys, history } = parts;
  const given = new Map<string, number>();
  const had = new Map<string, number>();
  /** The newest key that each host was told it may use. */
  const answered = new Map<string, number>();
  const startedMs = parts.nowMs();
  /** Who waits for this host. */
  const waiting = new Map<string, Set<string>>();

  const versionOf = (workload: string) => had.get(workload) ?? given.get(workload) ?? 0;

  /** When the newest key of a host was offered, as long as others are waited for. */
  function offeredMs(owner: string): number | null {
    const ms = keys.get(owner)?.keys.at(-1)?.offeredAt.getTime();
    return ms === undefined || parts.nowMs() - ms > AWAY_AWAITED_MS_MAX ? null : ms;
  }

  function* whoLacks(owner: string, among: Iterable<string>): Generator<string> {
    const isRelated = parts.relatedTo(owner);
    const since = history.changedAt(owner);
    for (const one of among) {
      const version = versionOf(one);
      if (one !== owner && (version < since || history.isTooOld(version)) && isRelated(one)) yield one;
    }
  }

  function isHeardByAll(owner: string): boolean {
    if (offeredMs(owner) === null) return true;
    for (const one of whoLacks(owner, keys.keys())) {
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

  function generationOf(owner: string): number {
    const generations = keys.get(owner)?.keys.map((key) => key.generation) ?? [];
    const generation = (isHeardByAll(owner) ? generations : generations.slice(0, -1)).at(-1) ?? 0;
    answered.set(owner, generation);
    return generation;
  }

  /** Does it wait for others with its newest key? Since when, then. */
  function heldUpSinceMs(owner: string): number | null {
    if (!parts.isConnected(owner) || keys.get(owner)?.keys.at(-1)?.generation === answered.get(owner))
      return null;
    const ms = offeredMs(owner);
    return ms === null || parts.nowMs() - ms < AWAITED_SHOWN_AFTER_MS ? null : ms;
  }

  function awaited(): ReadonlyMap<string, Awaited> {
    const found = new Map<string, Found>();
    // After a start every agent gets the time to come back.
    if (parts.nowMs() - startedMs < AWAITED_SHOWN_AFTER_MS) return found;
    // Who is here fetches as soon as it is told, unless it says itself that it goes on by less than it was given.
    const isLate = (one: string) =>
      !parts.isConnected(one) || waiting.has(one) || versionOf(one) < (given.get(one) ?? 0);
    const late = [...keys.keys()].filter(isLate);
    if (late.length === 0) return found;
    for (const owner of keys.keys()) {
      const sinceMs = heldUpSinceMs(owner);
      if (sinceMs === null) continue;
      for (const one of whoLacks(owner, late)) add(found, one, owner, sinceMs);
    }
    return found;
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
    lookAtAll: () => {
      for (const workload of [...waiting.keys()]) lookAgain(workload);
    },
    forget: (workload) => {
      for (const known of [given, had, answered]) known.delete(workload);
    },
    generationOf,
    awaited,
  };
}

type Found = { readonly owners: string[]; sinceMs: number; untilMs: number };

function add(found: Map<string, Found>, one: string, owner: string, sinceMs: number): void {
  const untilMs = sinceMs + AWAY_AWAITED_MS_MAX;
  const known = found.get(one);
  if (known === undefined) {
    found.set(one, { owners: [owner], sinceMs, untilMs });
    return;
  }
  known.owners.push(owner);
  known.sinceMs = Math.min(known.sinceMs, sinceMs);
  known.untilMs = Math.max(known.untilMs, untilMs);
}
