import type { LabelSelector, Workload } from "@ringwall/model";
import type { Group } from "./partition.ts";

/** Label keys by which people tell applications, environments and roles apart; site and hardware labels divide no role. */
const ROLE_KEYS: readonly string[] = [
  "app.kubernetes.io/name",
  "app.kubernetes.io/component",
  "k8s-app",
  "app",
  "application",
  "project",
  "env",
  "environment",
  "stage",
  "role",
  "tier",
  "component",
  "service",
  "svc",
];

/** Of the role keys at least one must say what the workload does, not just where it belongs. */
const GROUPING_ONLY: ReadonlySet<string> = new Set(["env", "environment", "stage", "project"]);

/** The workloads that people labelled, by what they wrote; the others are for the learner. */
export function groupByLabels(inventory: readonly Workload[]): {
  readonly groups: readonly Group[];
  readonly rest: readonly string[];
} {
  const rest: string[] = [];
  const byValue = new Map<string, { labels: Record<string, string>; members: string[] }>();
  for (const { metadata } of inventory) {
    const pairs = ROLE_KEYS.flatMap((key) =>
      metadata.labels?.[key] === undefined ? [] : [[key, metadata.labels[key]] as const],
    );
    if (!pairs.some(([key]) => !GROUPING_ONLY.has(key))) {
      rest.push(metadata.name);
      continue;
    }
    const key = JSON.stringify(pairs);
    const group = byValue.get(key) ?? { labels: Object.fromEntries(pairs), members: [] };
    group.members.push(metadata.name);
    byValue.set(key, group);
  }
  const groups = [...byValue.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  return { groups: groups.map((group) => labelled(group, groups)), rest };
}

type Draft = { readonly labels: Readonly<Record<string, string>>; readonly members: string[] };

function labelled(group: Draft, all: readonly Draft[]): Group {
  const words = Object.entries(group.labels).map(([key, value]) => `${key}=${value}`);
  const selector: LabelSelector = { ...group.labels };
  // A group with more labels is inside this selector; what they have beyond it must be absent here.
  for (const other of all) {
    if (other === group || !words.every((word) => word in asWords(other))) continue;
    for (const key of Object.keys(other.labels))
      if (!(key in group.labels)) selector[key] = { exists: false };
  }
  return { members: group.members.sort(), labels: selector, why: `people labelled them ${words.join(", ")}` };
}

function asWords({ labels }: Draft): Readonly<Record<string, true>> {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [`${key}=${value}`, true]));
}
