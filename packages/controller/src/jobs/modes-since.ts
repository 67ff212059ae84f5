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

/**
 * `draft`, which was read while `before` was live, as it is put in force where `now` is: with the modes that others have set
 * since. Nothing but mode changes may have gone live between the two.
 */
export function withModesSince(
  draft: readonly Resource[],
  before: readonly Resource[],
  now: readonly Resource[],
): readonly Resource[] {
  const [were, are] = [segmentsByName(before), segmentsByName(now)];
  return draft.map((one) => {
    if (one.kind !== "Segment") return one;
    const [was, is] = [were.get(one.metadata.name), are.get(one.metadata.name)];
    return was === undefined || is === undefined ? one : withSetModes(one, was, is);
  });
}

/** Only directions that were set, and that the draft has not ceased to govern: the others are as it has them. */
function withSetModes(segment: Segment, before: Segment, now: Segment): Segment {
  const [governed, was, is] = [modesOf(segment), modesOf(before), modesOf(now)];
  return (Object.keys(is) as Directions).reduce((changed, direction) => {
    const mode = is[direction];
    const hasCeased = governed[direction] === undefined && was[direction] !== undefined;
    return mode === undefined || mode === was[direction] || hasCeased
      ? changed
      : withMode(changed, mode, [direction]);
  }, segment);
}

function segmentsByName(resources: readonly Resource[]): ReadonlyMap<string, Segment> {
  return new Map(
    resources.flatMap((one) => (one.kind === "Segment" ? [[one.metadata.name, one] as const] : [])),
  );
}
