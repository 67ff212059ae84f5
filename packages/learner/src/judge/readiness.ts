import type { Link } from "../links.ts";
import type { Party } from "../party.ts";
import type { Readiness } from "../result.ts";
import type { Partition } from "../segment/partition.ts";
import { newRateOf, unseenOf } from "./unseen.ts";

const DAY_MS = 86_400_000;

type Context = {
  readonly parties: readonly Party[];
  readonly partition: Partition;
  readonly segmentNames: readonly string[];
};

/** Per segment: how likely the next thing seen is of a kind never seen, from how often kinds were seen only once. */
export function readinessOf(
  links: readonly Link[],
  { parties, partition, segmentNames }: Context,
): readonly Readiness[] {
  const perSegment = segmentNames.map(
    () => new Map<string, { days: number; firsts: Set<number>; isMany: boolean }>(),
  );
  let first = Infinity;
  let last = -Infinity;
  for (const link of links) {
    first = Math.min(first, link.firstMs);
    last = Math.max(last, link.lastMs);
    const [from, to] = [numberOf(parties[link.src], partition), numberOf(parties[link.dst], partition)];
    const key = `${from ?? parties[link.src]?.kind} ${link.srcSoftware} ${to ?? parties[link.dst]?.kind} ${link.dstSoftware} ${link.proto} ${link.port}`;
    for (const number of new Set([from, to])) {
      if (number === undefined) continue;
      const classes = perSegment[number];
      if (classes === undefined) continue;
      const seen = classes.get(key) ?? { days: 0, firsts: new Set<number>(), isMany: false };
      seen.days = Math.max(seen.days, link.days);
      seen.firsts.add(Math.floor(link.firstMs / DAY_MS)).add(Math.floor(link.lastMs / DAY_MS));
      classes.set(key, seen);
    }
  }
  const days = links.length === 0 ? 0 : Math.floor(last / DAY_MS) - Math.floor(first / DAY_MS) + 1;
  return segmentNames.map((segment, number) => {
    const counts = [...(perSegment[number]?.values() ?? [])].map((seen) =>
      Math.max(seen.days, seen.firsts.size),
    );
    return readiness(segment, counts, days, last);
  });
}

function numberOf(party: Party | undefined, partition: Partition): number | undefined {
  return party?.kind === "workload" ? partition.of.get(party.name) : undefined;
}

function readiness(segment: string, counts: readonly number[], days: number, lastMs: number): Readiness {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const rate = newRateOf(counts, days === 0 ? 0 : (total * 7) / days);
  const newPerWeek = days === 0 ? 0 : (rate.estimate * total * 7) / days;
  const unseenClasses = unseenOf(counts, days);
  const figures = {
    newRate: round(rate.estimate),
    newRateLow: round(rate.low),
    newRateHigh: round(rate.high),
  };
  return {
    segment,
    ...figures,
    unseenClasses: round(unseenClasses),
    newPerWeek: round(newPerWeek),
    days,
    words: words(newPerWeek, days, lastMs, counts.length),
  };
}

function words(newPerWeek: number, days: number, lastMs: number, classes: number): string {
  if (classes === 0) return "nothing was seen of it that could be judged";
  if (days < 3)
    return `only ${days} day${days === 1 ? "" : "s"} seen: too short to say what a week brings; weekends and month-end have not been seen`;
  const missing = [
    ...(days < 7 ? ["a whole week"] : []),
    ...(sawMonthEnd(days, lastMs) ? [] : ["month-end"]),
  ];
  const expected = `expected ${round(newPerWeek)} new legitimate edges a week if blocked today`;
  return missing.length === 0
    ? expected
    : `${expected}; ${missing.join(" and ")} ${missing.length === 1 ? "has" : "have"} not been seen`;
}

/** True where a first of the month lies inside the window. */
function sawMonthEnd(days: number, lastMs: number): boolean {
  return new Date(lastMs).getUTCDate() < days;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
