import type { LabelSelector } from "@ringwall/model";

/** A division of the workloads into segments. */
export type Partition = {
  /** Workload name → segment number. */
  readonly of: ReadonlyMap<string, number>;
  readonly groups: readonly Group[];
};

export type Group = {
  readonly members: readonly string[];
  /** Label selector that describes exactly these members among the inventory; null where no labels do. */
  readonly labels: LabelSelector | null;
  /** What people call it, where that is not in `labels`. */
  readonly called?: string;
  /** What they are for, where the learner found that out: a software's name. */
  readonly program?: string;
  /** Why they belong together, a sentence. */
  readonly why: string;
};
