import {
  effectiveLabels,
  type LabelRequirement,
  type LabelSelector,
  type Labels,
  type Workload,
} from "@ringwall/model";

/** Whether a workload's labels, the implied ones included, meet a selector. */
export function selectsWorkload(selector: LabelSelector, workload: Workload): boolean {
  return selects(selector, effectiveLabels(workload));
}

/** AND over keys; `{}` selects all. As in Kubernetes, `not` holds where the key is absent. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  for (const key in selector) {
    const requirement = selector[key];
    const value: unknown = labels[key];
    // What is no text is inherited from Object, as `constructor`.
    if (requirement !== undefined && !meets(requirement, typeof value === "string" ? value : undefined))
      return false;
  }
  return true;
}

function meets(requirement: LabelRequirement, value: string | undefined): boolean {
  if (typeof requirement === "string") return value === requirement;
  if (Array.isArray(requirement)) return value !== undefined && requirement.includes(value);
  if ("exists" in requirement) return requirement.exists === (value !== undefined);
  return value === undefined || !listOf(requirement.not).includes(value);
}

/** One or several, as the resources write it, always as a list. */
export function listOf<T extends string>(one: T | readonly T[]): readonly T[] {
  return typeof one === "string" ? [one] : one;
}
