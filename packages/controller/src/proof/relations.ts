import { ACQUAINTANCES_MAX } from "./limits.ts";
import { isWithin, type Reach, sameReach, unionReach } from "./reach.ts";

/**
 * Which hosts need each other's keys: those of which one's policy speaks of the other's addresses, and those that both say they
 * talk. A host whose policy was not compiled in this run is related to all, so that none misses a key because nobody has
 * looked yet.
 */
export type Relations = {
  /** Whether another host is related to this one; for many questions about one host. */
  relatedTo(workload: string): (other: string) => boolean;
  /** What a host's policy is going to speak of; what it spoke of before counts until `settle`. Whether that is new. */
  set(workload: string, reach: Reach): boolean;
  /** The host enforces what it should: what its former policies spoke of counts no more. Whether that was anything. */
  settle(workload: string): boolean;
  /** `reporter` says that it talks with `peer`. Whether by this both have said so. */
  claim(reporter: string, peer: string): boolean;
  forget(workload: string): void;
};

type Reaches = { readonly wanted: Reach; readonly former: Reach | null };

/**
 * @param addressesOf those that are this host's alone
 * @param carries whether a host proves for others, whose policies are their own: it is related to all
 */
export function createRelations(
  addressesOf: (workload: string) => readonly bigint[],
  carries: (workload: string) => boolean = () => false,
  acquaintancesMax = ACQUAINTANCES_MAX,
): Relations {
  const reaches = new Map<string, Reaches>();
  const reachesOf = (workload: string) => (carries(workload) ? undefined : reaches.get(workload));
  const shared = createShared();
  const claims = new Map<string, Set<string>>();
  const speaksOf = (found: Reaches | undefined, addresses: readonly bigint[]) =>
    found === undefined ||
    isWithin(found.wanted, addresses) ||
    (found.former !== null && isWithin(found.former, addresses));
  return {
    relatedTo(workload) {
      const own = reachesOf(workload);
      const addresses = addressesOf(workload);
      const claimed = claims.get(workload);
      // Hosts of one segment share what they speak of.
      const answers = new Map<Reaches, boolean>();
      const isSpokenOfBy = (other: string) => {
        const theirs = reachesOf(other);
        const known = theirs && answers.get(theirs);
        if (known !== undefined) return known;
        const answer = speaksOf(theirs, addresses);
        if (theirs !== undefined) answers.set(theirs, answer);
        return answer;
      };
      return (other) =>
        isSpokenOfBy(other) ||
        speaksOf(own, addressesOf(other)) ||
        (claimed?.has(other) === true && claims.get(other)?.has(workload) === true);
    },
    set(workload, reach) {
      const before = reaches.get(workload);
      if (before !== undefined && sameReach(before.wanted, reach)) return false;
      const former =
        before?.former == null ? (before?.wanted ?? null) : unionReach(before.former, before.wanted);
      reaches.set(workload, shared(reach, former));
      return true;
    },
    settle(workload) {
      const before = reaches.get(workload);
      if (before === undefined || before.former === null) return false;
      reaches.set(workload, shared(before.wanted, null));
      return true;
    },
    claim(reporter, peer) {
      const known = claims.get(reporter) ?? new Set();
      claims.set(reporter, known);
      if (known.has(peer)) return false;
      const [oldest] = known;
      if (known.size >= acquaintancesMax && oldest !== undefined) known.delete(oldest);
      known.add(peer);
      return claims.get(peer)?.has(reporter) === true;
    },
    forget(workload) {
      reaches.delete(workload);
      claims.delete(workload);
    },
  };
}

/** Distinct ones that are kept for sharing. */
const SHARED_MAX = 20_000;

/** One object for what is the same. */
function createShared(): (wanted: Reach, former: Reach | null) => Reaches {
  const known = new Map<string, Reaches>();
  return (wanted, former) => {
    const key = `${textOf(wanted)}/${former === null ? "-" : textOf(former)}`;
    const found = known.get(key) ?? { wanted, former };
    if (known.size >= SHARED_MAX) known.clear();
    known.set(key, found);
    return found;
  };
}

function textOf(reach: Reach): string {
  if (reach === "all") return reach;
  return reach.map(({ first, last }) => `${first.toString(36)} ${(last - first).toString(36)}`).join();
}
