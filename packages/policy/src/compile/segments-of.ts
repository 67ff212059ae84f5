import type { Segment, Workload } from "@ringwall/model";
import { createClassSelectors } from "./class-selectors.ts";
import { createLabelClasses } from "./label-classes.ts";

/** The segments that a workload is in, in the order given; workloads that no segment tells apart get the same list. */
export function createSegmentsOf(segments: readonly Segment[]): (workload: Workload) => readonly Segment[] {
  const classes = createLabelClasses(segments.map((one) => one.spec.workloads));
  const selectorsOf = createClassSelectors(classes);
  const known: (readonly Segment[])[] = [];
  return ({ metadata }) => {
    const labelClass = classes.classOf(metadata.name, metadata.labels);
    const found = known[labelClass];
    if (found !== undefined) return found;
    const indices = selectorsOf(labelClass).toSorted((a, b) => a - b);
    const list = indices.flatMap((index) => segments[index] ?? []);
    known[labelClass] = list;
    return list;
  };
}
