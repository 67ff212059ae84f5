import type { Resource, Segment } from "@ringwall/model";
import { type Directions, modesOf, sameResources, withMode } from "./draft.ts";

/**
 * `draft`, which was read while `before` was live, as it is put in force where `now` is: with the modes that others have set
 * since. Null where something else than modes is live by now, which whoever wrote the draft has not seen.
 */
export function withModesSince(
  draft: readonly Resource[],
  before: readonly Resource[],
  now: readonly Resource[],
): readonly Resource[] | null {
  if (!sameResources(before.map(withoutModes), now.map(withoutModes))) return null;
  const [were, are] = [segmentsByName(before), segmentsByName(now)];
  return draft.map((one) => {
    const [was, is] = [were.get(one.metadata.name), are.get(one.metadata.name)];
    return one.kind !== "Segment" || was === undefined || is === undefined ? one : withSetModes(one, was, is);
  });
}

/** Only directions that were set and that the draft governs still: the others are as it has them. */
function withSetModes(segment: Segment, before: Segment, now: Segment): Segment {
  const [governed, was, is] = [modesOf(segment), modesOf(before), modesOf(now)];
  return (Object.keys(governed) as Directions).reduce((changed, direction) => {
    const mode = is[direction];
    return mode === undefined || mode === was[direction] ? changed : withMode(changed, mode, [direction]);
  }, segment);
}

/** The directions that it governs stay. */
function withoutModes(one: Resource): Resource {
  return one.kind === "Segment" ? withMode(one, "observe", undefined) : one;
}

function segmentsByName(resources: readonly Resource[]): ReadonlyMap<string, Segment> {
  return new Map(
    resources.flatMap((one) => (one.kind === "Segment" ? [[one.metadata.name, one] as const] : [])),
  );
}
