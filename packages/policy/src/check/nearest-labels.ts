import { effectiveLabels, type LabelSelector, type Workload } from "@ringwall/model";
import { selectsWorkload } from "../policy-set/labels.ts";
import { nearestName } from "../policy-set/nearest-name.ts";

/** For a selector that selects nothing: the one key whose change would help most, and the nearest value in use. */
export function nearestLabels(workloads: readonly Workload[], selector: LabelSelector): string {
  for (const key of Object.keys(selector).sort()) {
    const rest = Object.fromEntries(Object.entries(selector).filter(([one]) => one !== key));
    const found = workloads.filter((one) => selectsWorkload(rest, one));
    if (found.length === 0) continue;
    const values = new Set(found.map((one) => effectiveLabels(one)[key]).filter((one) => one !== undefined));
    if (values.size === 0) {
      const keys = new Set(found.flatMap((one) => Object.keys(effectiveLabels(one))));
      const near = nearestName(key, keys);
      return near === undefined
        ? `no workload carries the key \`${key}\``
        : `no workload carries the key \`${key}\`; did you mean \`${near}\`?`;
    }
    const wanted = wantedValue(selector[key]);
    const near = nearestName(wanted, values) ?? [...values].sort()[0];
    return `\`${key}: ${near}\` would select ${found.filter((one) => effectiveLabels(one)[key] === near).length} workloads`;
  }
  return "no single label would help; compare it with the labels in use";
}

function wantedValue(requirement: LabelSelector[string] | undefined): string {
  if (typeof requirement === "string") return requirement;
  return Array.isArray(requirement) ? (requirement[0] ?? "") : "";
}
