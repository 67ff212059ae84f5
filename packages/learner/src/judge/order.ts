import type { RuleDraft } from "../rules/merge.ts";
import type { Zone } from "../rules/zone.ts";

/** What a segment is in the flow of requests. */
type Tier = { inbound: number; outbound: number; isExposed: boolean };

/**
 * The order in which segments go to block. Data first: it has the most to lose, and few know it. Then what clients from
 * outside reach: it is attacked first. Then the middle, which has neighbours on both sides, and last what only calls.
 */
export function orderOfBlocking(rules: readonly RuleDraft[], segments: readonly string[]): readonly string[] {
  const tiers: Tier[] = segments.map(() => ({ inbound: 0, outbound: 0, isExposed: false }));
  const numbers = (zones: readonly Zone[]): readonly number[] =>
    zones.flatMap((zone) => (zone.kind === "segment" ? [zone.number] : []));
  for (const rule of rules) {
    // What everybody uses says nothing about a segment's place.
    if (
      rule.from.length >= Math.max(5, 0.8 * segments.length) ||
      rule.to.length >= Math.max(5, 0.8 * segments.length)
    )
      continue;
    const from = numbers(rule.from);
    const to = numbers(rule.to);
    for (const number of to) {
      const tier = tiers[number];
      if (tier === undefined) continue;
      if (from.length > 0) tier.inbound += from.filter((source) => source !== number).length;
      else tier.isExposed = true;
    }
    for (const number of from) {
      const tier = tiers[number];
      if (tier !== undefined) tier.outbound += to.filter((target) => target !== number).length;
    }
  }
  const ranked = segments.map((name, number) => ({
    name,
    rank: rankOf(tiers[number]),
    inbound: tiers[number]?.inbound ?? 0,
  }));
  ranked.sort((a, b) => a.rank - b.rank || b.inbound - a.inbound || (a.name < b.name ? -1 : 1));
  return ranked.map(({ name }) => name);
}

function rankOf(tier: Tier | undefined): number {
  if (tier === undefined) return 4;
  if (tier.inbound > 0 && tier.outbound === 0) return 0;
  if (tier.isExposed) return 1;
  return tier.inbound > 0 ? 2 : 3;
}
