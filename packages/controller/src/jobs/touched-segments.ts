import type { Segment } from "@ringwall/model";
import { createSegmentsOf, type Inventory, type PolicySet } from "@ringwall/policy";
import type { Seen } from "./window.ts";

/** The segments that either end of a connection is in. */
export function createTouchedSegments(
  set: PolicySet,
  inventory: Inventory,
): (seen: Pick<Seen, "src" | "dst">) => ReadonlySet<Segment> {
  const segmentsOf = createSegmentsOf(set.segments);
  return ({ src, dst }) => {
    const ends = [src, dst].flatMap((end) => inventory.byName.get(end.workload ?? "") ?? []);
    return new Set(ends.flatMap(segmentsOf));
  };
}
