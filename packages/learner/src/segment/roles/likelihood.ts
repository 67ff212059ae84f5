/** What a group of hosts did toward one group of peers in one relation. */
export type Tally = { strong: number; weak: number };

/** A relation to a group of peers as the whole fleet shows it. */
export type Feature = {
  /** Peers in the group. */
  readonly size: number;
  /** Share of hosts that have it at all, 0–1 exclusive: what everybody does says nothing about a role. */
  readonly popularity: number;
  /** Share of its possible pairs that the window shows where it exists. */
  readonly coverage: number;
};

/** Chance of a persistent edge that belongs to no role, and of a passing one (natural logarithms). */
const LN_NOISE = Math.log(2 ** -9);
const LN_NOISE_WEAK = Math.log(2 ** -4);

/**
 * Logarithm of how much likelier the tallies of two groups are if both are one role than if they are two (natural
 * units). A role has the relation or has it not; having it, each pair of hosts shows with probability `coverage`.
 */
export function evidenceOfSameRole(
  a: Tally,
  hostsA: number,
  b: Tally,
  hostsB: number,
  feature: Feature,
): number {
  const lnOn = Math.log(feature.popularity);
  const lnOff = Math.log1p(-feature.popularity);
  const onA = likelihood(a, hostsA, feature);
  const onB = likelihood(b, hostsB, feature);
  const offA = noise(a);
  const offB = noise(b);
  const same = logSum(lnOn + onA + onB, lnOff + offA + offB);
  return same - logSum(lnOn + onA, lnOff + offA) - logSum(lnOn + onB, lnOff + offB);
}

function likelihood({ strong, weak }: Tally, hosts: number, { size, coverage }: Feature): number {
  const seen = strong + weak;
  const missing = Math.max(0, hosts * size - seen);
  return seen * Math.log(coverage) + missing * Math.log1p(-coverage);
}

function noise({ strong, weak }: Tally): number {
  return strong * LN_NOISE + weak * LN_NOISE_WEAK;
}

function logSum(a: number, b: number): number {
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
}
