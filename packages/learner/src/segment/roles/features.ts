import type { Feature, Tally } from "./likelihood.ts";
import type { Profiles } from "./profile.ts";

/** Profiles seen through a division of the peers: per host, tallies by feature number. */
export type FeatureTable = {
  readonly features: readonly Feature[];
  readonly tallies: readonly ReadonlyMap<number, Tally>[];
  /** Served program and port → how many hosts serve it. */
  readonly servers: ReadonlyMap<number, number>;
};

const COVERAGE_MIN = 0.1;
const COVERAGE_MAX = 0.97;

/** Folds each host's contacts by the group that the peer is in. `groupOf` holds a group number for each peer. */
export function featureTable({ hosts }: Profiles, groupOf: Int32Array, coverage: number): FeatureTable {
  const sizes = new Map<number, number>();
  for (const group of groupOf) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const numbers = new Map<string, number>();
  const groups: number[] = [];
  const tallies = hosts.map(({ contacts }) => {
    const own = new Map<number, Tally>();
    for (const { relation, peer, isWeak } of contacts) {
      const group = groupOf[peer] ?? -1;
      const key = `${relation} ${group}`;
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      groups[number] = group;
      const tally = own.get(number) ?? { strong: 0, weak: 0 };
      own.set(number, tally);
      if (isWeak) tally.weak += 1;
      else tally.strong += 1;
    }
    return own;
  });
  const holders = new Array<number>(numbers.size).fill(0);
  const contacts = new Array<number>(numbers.size).fill(0);
  for (const own of tallies) {
    for (const [number, { strong, weak }] of own) {
      holders[number] = (holders[number] ?? 0) + 1;
      contacts[number] = (contacts[number] ?? 0) + strong + weak;
    }
  }
  const features = groups.map((group, number) => {
    const size = sizes.get(group) ?? 1;
    const held = holders[number] ?? 1;
    // Where balancing spreads calls thin, a missing pair means less than elsewhere.
    const own = (contacts[number] ?? 1) / (held * size);
    return {
      size,
      popularity: (held + 0.5) / (hosts.length + 1),
      coverage: Math.min(COVERAGE_MAX, Math.max(COVERAGE_MIN, Math.min(coverage, own))),
    };
  });
  const servers = new Map<number, number>();
  for (const { serves } of hosts) for (const port of serves) servers.set(port, (servers.get(port) ?? 0) + 1);
  return { features, tallies, servers };
}
