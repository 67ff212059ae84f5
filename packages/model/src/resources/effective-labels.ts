import type { Labels } from "./common.ts";
import type { Workload } from "./workload.ts";

/**
 * Every workload carries this label without anyone writing it, as Kubernetes gives each namespace
 * `kubernetes.io/metadata.name`. It lets a selector name single workloads where people gave no labels.
 */
export const NAME_LABEL = "ringwall.dev/name";

/** The value of `NAME_LABEL` for a workload's name: `/` becomes `.`, and what exceeds 63 characters is cut from the front. */
export function nameLabel(workloadName: string): string {
  return workloadName
    .replaceAll("/", ".")
    .slice(-63)
    .replace(/^[^A-Za-z0-9]+/, "");
}

/** The labels that selectors see: the ones given, and the implied `ringwall.dev/name` (one that is given wins). */
export function effectiveLabels(workload: Workload): Labels {
  return { [NAME_LABEL]: nameLabel(workload.metadata.name), ...workload.metadata.labels };
}
