import type { Mode, Resource, Segment } from "@ringwall/model";
import { type Directions, modesOf, withMode } from "./draft.ts";

const MODE_CHANGE = "mode ";

/** What a change is called that sets a segment's mode, and nothing else. */
export function modeChange(segment: string, mode: Mode): string {
  return `${MODE_CHANGE}${segment} ${mode}`;
}

export function isModeChange(what: string): boolean {
  return what.startsWith(MODE_CHANGE);
}

type Made = {
  readonly resources: readonly Resource[];
  /** For each segment where modes of the draft's own gave way. */
  readonly warnings: readonly string[];
};

/**
 * `draft`, which was read while `before` was live, as it is put in force where `now` is: with the modes that others have set
 * since, which hold also where the draft says another. Nothing but mode changes may have gone live between the two.
 */
export function withModesSince(
  draft: readonly Resource[],
  before: readonly Resource[],
  now: readonly Resource[],
): Made {
  const [were, are] = [segmentsByName(before), segmentsByName(now)];
  const warnings: string[] = [];
  const resources = draft.map((one) => {
    if (one.kind !== "Segment") return one;
    const [was, is] = [were.get(one.metadata.name), are.get(one.metadata.name)];
    if (was === undefined || is === undefined) return one;
    const set = modesToTake(one, was, is);
    warnings.push(...warningOf(one, was, set));
    return set.reduce((changed, { direction, mode }) => withMode(changed, mode, [direction]), one);
  });
  return { resources, warnings };
}

type SetMode = { readonly direction: Directions[number]; readonly mode: Mode };

/** Only directions that were set, and that the draft has not ceased to govern: the others are as it has them. */
function modesToTake(segment: Segment, before: Segment, now: Segment): readonly SetMode[] {
  const [governed, was, is] = [modesOf(segment), modesOf(before), modesOf(now)];
  return (Object.keys(is) as Directions).flatMap((direction) => {
    const mode = is[direction];
    const hasCeased = governed[direction] === undefined && was[direction] !== undefined;
    return mode === undefined || mode === was[direction] || hasCeased ? [] : [{ direction, mode }];
  });
}

/** Where the draft's author had changed modes too, to others. */
function warningOf(segment: Segment, before: Segment, set: readonly SetMode[]): readonly string[] {
  const [own, was] = [modesOf(segment), modesOf(before)];
  const overruled = set.filter(({ direction, mode }) => {
    const wanted = own[direction];
    return wanted !== undefined && wanted !== mode && wanted !== was[direction];
  });
  if (overruled.length === 0) return [];
  const held = overruled.map(({ direction, mode }) => `${direction} ${mode}`).join(", ");
  const lost = overruled.map(({ direction }) => `${direction} ${own[direction]}`).join(", ");
  return [
    `segment \`${segment.metadata.name}\` has the modes that were set meanwhile (${held}), and not the draft's (${lost}); ` +
      "`ringwall mode` sets the draft's",
  ];
}

function segmentsByName(resources: readonly Resource[]): ReadonlyMap<string, Segment> {
  return new Map(
    resources.flatMap((one) => (one.kind === "Segment" ? [[one.metadata.name, one] as const] : [])),
  );
}
