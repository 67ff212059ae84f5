import type { Link } from "../../links.ts";

/** A service that answers counts for this many calls of a client. */
const SERVING_WEIGHT = 5;
/** A peer that this share of all hosts deals with is common infrastructure. */
const HUB_SHARE = 0.25;
const HUB_HOSTS_MIN = 4;
/** What is left of the weight of software that most hosts run, or that only deals with common infrastructure. */
const FLOOR = 0.1;

/** Chance left that a host is for something that others only run besides. */
const PURPOSE_FLOOR = 0.02;

type Weight = { all: number; hub: number };

/**
 * Per host the software that tells what the host is for: much used, not run by everybody, and not just dealing with
 * common infrastructure, as resolvers and monitoring agents do. -1 where no program is known.
 */
export function mainSoftware(
  links: readonly Link[],
  peerOf: readonly number[],
  hosts: number,
): readonly number[] {
  const isHub = findHubs(links, peerOf, hosts);
  const weights: Map<number, Weight>[] = Array.from({ length: hosts }, () => new Map());
  const note = (own: number, other: number, software: number, weight: number): void => {
    const map = weights[own];
    if (map === undefined || software === -1) return;
    const known = map.get(software) ?? { all: 0, hub: 0 };
    map.set(software, known);
    known.all += weight;
    if (isHub.has(other)) known.hub += weight;
  };
  for (const link of links) {
    const [src, dst] = [peerOf[link.src] ?? -1, peerOf[link.dst] ?? -1];
    note(src, dst, link.srcSoftware, link.days);
    note(dst, src, link.dstSoftware, link.days * SERVING_WEIGHT);
  }
  const spread = new Map<number, number>();
  for (const own of weights) for (const id of own.keys()) spread.set(id, (spread.get(id) ?? 0) + 1);
  const values = weights.map(
    (own) =>
      new Map(
        [...own].map(([software, { all, hub }]) => {
          const rarity = Math.log((hosts + 1) / (spread.get(software) ?? 1));
          return [software, all * (rarity + FLOOR) * (1 - hub / all + FLOOR)];
        }),
      ),
  );
  const first = values.map((own) => best(own, () => 1));
  // What is hardly ever a host's purpose is not this one's either, however little else was seen of it.
  const wins = new Map<number, number>();
  for (const software of first) wins.set(software, (wins.get(software) ?? 0) + 1);
  return values.map((own) =>
    best(own, (software) => (wins.get(software) ?? 0) / (spread.get(software) ?? 1) + PURPOSE_FLOOR),
  );
}

function best(values: ReadonlyMap<number, number>, weigh: (software: number) => number): number {
  let chosen = -1;
  let most = -1;
  for (const [software, value] of [...values].sort(([a], [b]) => a - b)) {
    const weighed = value * weigh(software);
    if (weighed > most) [chosen, most] = [software, weighed];
  }
  return chosen;
}

/** Peers that many hosts deal with, in either direction. */
function findHubs(links: readonly Link[], peerOf: readonly number[], hosts: number): ReadonlySet<number> {
  const partners = new Map<number, Set<number>>();
  const note = (peer: number, other: number): void => {
    if (other >= hosts) return;
    const known = partners.get(peer);
    if (known === undefined) partners.set(peer, new Set([other]));
    else known.add(other);
  };
  for (const link of links) {
    const [src, dst] = [peerOf[link.src] ?? -1, peerOf[link.dst] ?? -1];
    note(src, dst);
    note(dst, src);
  }
  const enough = Math.max(HUB_HOSTS_MIN, hosts * HUB_SHARE);
  return new Set([...partners].filter(([, others]) => others.size >= enough).map(([peer]) => peer));
}
