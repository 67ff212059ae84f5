import { PATH_WINDOW_MS, type PathCounts } from "./paths.ts";

/** What the network between two hosts changes, so that their proofs leave it out: the next one where proofs stay wrong. */
export const CHANGES = ["none", "addresses", "addresses-and-ports"] as const;
export type Changes = (typeof CHANGES)[number];

/** A pair of hosts, in the order of their names. */
export type Profile = { readonly a: string; readonly b: string; readonly changes: Changes };

/** Milliseconds that both agents have to go by a profile before wrong proofs speak against it. */
const SETTLE_MS = 5000;
/** Milliseconds for which all proofs must have been wrong: a clock or a key that is off is set right before. */
const WRONG_FOR_MS = 20_000;
/** Milliseconds until a pair for which no profile was right is tried again: wrong keys and attackers look the same. */
const AGAIN_AFTER_MS = 3_600_000;
/** Pairs with wrong proofs that are watched; the one silent for longest makes room, unless it has a profile. */
const PROFILES_WATCHED_MAX = 50_000;

export type Profiles = {
  /** Takes an agent's report; the pair whose profile it changed. */
  report(reporter: string, counts: PathCounts, nowMs: number): Profile | null;
  changesBetween(one: string, other: string): Changes;
  /** Those of a host, whose pairs so bind everything again. */
  forget(workload: string): readonly Profile[];
};

/**
 * Finds out which pairs of hosts have a NAT between them, by both ends' reports: one says that it sent proofs, the other
 * that all that arrived were wrong. Then they leave addresses out, then ports as well; where that is not it either, they
 * bind everything again. One right proof and the pair stays with what it has.
 */
export function createProfiles(stored: readonly Profile[] = []): Profiles {
  const pairs = new Map<string, Watched>();
  for (const profile of stored) pairs.set(keyOf(profile.a, profile.b), fresh(profile));
  return {
    report(reporter, counts, nowMs) {
      const [a, b] = [reporter, counts.peer].sort() as [string, string];
      const key = keyOf(a, b);
      const known = pairs.get(key);
      if (known === undefined && counts.wrong === 0) return null;
      const pair = known ?? fresh({ a, b, changes: "none" });
      pairs.delete(key);
      pairs.set(key, pair);
      if (pairs.size > PROFILES_WATCHED_MAX) makeRoom(pairs);
      return settle(pair, reporter === a, counts, nowMs);
    },
    changesBetween: (one, other) => {
      const [a, b] = [one, other].sort() as [string, string];
      return pairs.get(keyOf(a, b))?.changes ?? "none";
    },
    forget(workload) {
      const gone = [...pairs.values()].filter(({ a, b }) => a === workload || b === workload);
      for (const { a, b } of gone) pairs.delete(keyOf(a, b));
      return gone.map(({ a, b, changes }) => ({ a, b, changes }));
    },
  };
}

type Watched = {
  readonly a: string;
  readonly b: string;
  changes: Changes;
  /** Reports before this one say nothing of the present profile. */
  fromMs: number;
  /** When each end first and last reported wrong proofs of the other, with no right one since. */
  readonly wrongSinceMs: [number, number];
  readonly wrongMs: [number, number];
  readonly sentMs: [number, number];
};

function fresh({ a, b, changes }: Profile): Watched {
  return { a, b, changes, fromMs: 0, wrongSinceMs: [0, 0], wrongMs: [0, 0], sentMs: [0, 0] };
}

function settle(pair: Watched, isFirst: boolean, counts: PathCounts, nowMs: number): Profile | null {
  const own = isFirst ? 0 : 1;
  if (counts.sent > 0) pair.sentMs[own] = nowMs;
  if (counts.proved > 0) {
    pair.wrongMs[own] = 0;
    pair.wrongSinceMs[own] = 0;
    return null;
  }
  if (nowMs < pair.fromMs) return null;
  if (counts.wrong > 0) {
    pair.wrongMs[own] = nowMs;
    pair.wrongSinceMs[own] ||= nowMs;
  }
  const isWrong = ([0, 1] as const).some((end) => {
    const [wrongMs, sentMs] = [pair.wrongMs[end], pair.sentMs[1 - end] ?? 0];
    const isLasting = wrongMs > 0 && wrongMs - pair.wrongSinceMs[end] >= WRONG_FOR_MS;
    return isLasting && sentMs > pair.fromMs && Math.abs(wrongMs - sentMs) <= PATH_WINDOW_MS;
  });
  if (!isWrong) return null;
  const next = CHANGES[CHANGES.indexOf(pair.changes) + 1];
  pair.changes = next ?? "none";
  pair.fromMs = nowMs + (next === undefined ? AGAIN_AFTER_MS : SETTLE_MS);
  pair.wrongMs.fill(0);
  pair.wrongSinceMs.fill(0);
  pair.sentMs.fill(0);
  return { a: pair.a, b: pair.b, changes: pair.changes };
}

function makeRoom(pairs: Map<string, Watched>): void {
  for (const [key, pair] of pairs) {
    if (pair.changes !== "none") continue;
    pairs.delete(key);
    return;
  }
}

/** Names hold no space. */
function keyOf(a: string, b: string): string {
  return `${a} ${b}`;
}
