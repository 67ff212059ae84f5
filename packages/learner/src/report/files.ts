import type { Policy, Resource, Workload } from "@ringwall/model";
import { formatResources } from "@ringwall/policy";
import type { LearnedRule, LearnResult } from "../result.ts";
import { formatReport } from "./words.ts";

/** A file to write, its path relative to the output folder. */
export type LearnedFile = { readonly path: string; readonly text: string };

/**
 * What was learned, as files: YAML as a person would write it, with the evidence beside each rule, `report.json` for
 * programs and `report.md` for readers. `workloads` are written too where no inventory holds them.
 */
export function formatLearned(
  { resources, report }: LearnResult,
  workloads: readonly Workload[],
): readonly LearnedFile[] {
  const of = (kind: Resource["kind"]): readonly Resource[] => resources.filter((one) => one.kind === kind);
  const policies = resources.filter((one) => one.kind === "Policy");
  const files: LearnedFile[] = [
    { path: "report.json", text: `${JSON.stringify(report, null, 2)}\n` },
    { path: "report.md", text: formatReport(report) },
  ];
  if (workloads.length > 0) files.push({ path: "workloads.yaml", text: formatResources(workloads) });
  if (of("Segment").length > 0) files.push({ path: "segments.yaml", text: formatResources(of("Segment")) });
  if (of("Software").length > 0) files.push({ path: "software.yaml", text: formatResources(of("Software")) });
  if (policies.length > 0)
    files.push({ path: "policies.yaml", text: formatPolicies(policies, report.rules) });
  return files;
}

/** Policies with a comment above each rule: what was seen of it, and how much wider it is. */
export function formatPolicies(policies: readonly Policy[], rules: readonly LearnedRule[]): string {
  return policies
    .map((policy) => {
      const comments = rules.filter((rule) => rule.policy === policy.metadata.name).map(commentOf);
      let next = 0;
      return formatResources([policy])
        .split("\n")
        .flatMap((line) => {
          const indent = /^( *)- name: /.exec(line)?.[1];
          return indent === undefined ? [line] : [`${indent}# ${comments[next++] ?? ""}`, line];
        })
        .join("\n");
    })
    .map((text, number) => (number === 0 || text.startsWith("---") ? text : `---\n${text}`))
    .join("");
}

function commentOf({ evidence, overPermission, confidence }: LearnedRule): string {
  const { edges, connections, days, firstSeen, lastSeen } = evidence;
  const seen = `${edges} edge${edges === 1 ? "" : "s"}, ${connections} connections on ${days} day${days === 1 ? "" : "s"}`;
  const wider = overPermission > 1 ? `, permits ${overPermission} times what was seen` : "";
  return `${seen}, ${firstSeen.slice(0, 10)} to ${lastSeen.slice(0, 10)}${wider}; confidence ${confidence}`;
}
