import { isPlatformPort } from "../knowledge/ports.ts";
import type { RuleDraft } from "./merge.ts";
import type { Zone } from "./zone.ts";

/** Share of all segments from which on a list of segments means everybody: by tightness, from 0.5 to more than all. */
const SHARE_LOOSEST = 0.5;
const SHARE_SPAN = 0.6;
/** A list shorter than this is a list. */
const SEGMENTS_MIN = 5;
/** For what platforms need: the shortest list, and how many bits it is likelier that all do. */
const PLATFORM_SEGMENTS_MIN = 3;
const PLATFORM_BITS = 8;
/** Bits of missing pairs that a bit of listing weighs, at the loosest; at the tightest a list stays a list. */
const LISTING_WEIGHT = 2;

export type Fleet = {
  /** Members of each segment. */
  readonly sizes: readonly number[];
  /** Share of a class's possible pairs that the window shows, 0–1. */
  readonly coverage: number;
  readonly tightness: number;
};

/** Rules whose list of segments is all there are, as far as the window could show, are written for every workload. */
export function widened(draft: RuleDraft, fleet: Fleet): RuleDraft {
  return {
    ...draft,
    ...(isEverybody(draft, draft.from, draft.to, fleet) ? { everybody: true } : {}),
    ...(isEverybody(draft, draft.to, draft.from, fleet) ? { everywhere: true } : {}),
  };
}

/**
 * The shorter description wins: to say which segments do it, or to say that all do and that the window happened to miss
 * the rest. A small segment is easily missed where few pairs were seen, a large one is not.
 */
function isEverybody(
  { ports }: RuleDraft,
  zones: readonly Zone[],
  others: readonly Zone[],
  { sizes, coverage, tightness }: Fleet,
): boolean {
  const isPlatform = ports.length > 0 && ports.every((port) => isPlatformPort(Number(port.split("/")[1])));
  const listed = new Set(zones.flatMap((zone) => (zone.kind === "segment" ? [zone.number] : [])));
  const least = isPlatform ? PLATFORM_SEGMENTS_MIN : SEGMENTS_MIN;
  if (listed.size < least || listed.size < zones.length) return false;
  const share = SHARE_LOOSEST + SHARE_SPAN * tightness;
  if (listed.size >= share * sizes.length) return true;
  const peers = others.reduce(
    (sum, zone) => sum + (zone.kind === "segment" ? (sizes[zone.number] ?? 1) : 1),
    0,
  );
  const missed = sizes.reduce(
    (bits, size, number) => bits - (listed.has(number) ? 0 : size * peers * Math.log2(1 - coverage)),
    0,
  );
  const listing = bitsOfChoice(sizes.length, listed.size) + (isPlatform ? PLATFORM_BITS : 0);
  return missed <= LISTING_WEIGHT * (1 - tightness) * listing;
}

/** log2 of the number of ways to choose k of n. */
function bitsOfChoice(n: number, k: number): number {
  let bits = 0;
  for (let i = 1; i <= k; i++) bits += Math.log2((n - k + i) / i);
  return bits;
}
