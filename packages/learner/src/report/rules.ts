import type { Link } from "../links.ts";
import type { LearnedRule } from "../result.ts";
import type { RuleDraft } from "../rules/merge.ts";
import type { PlacedRule } from "../rules/policies.ts";
import type { Zone } from "../rules/zone.ts";
import type { Partition } from "../segment/partition.ts";

/** The evidence for each rule, and how much each permits beyond it. */
export function ruleReport(
  rules: readonly PlacedRule[],
  partition: Partition,
): { readonly reported: readonly LearnedRule[]; readonly overPermission: number } {
  let permittedInAll = 0;
  let seenInAll = 0;
  const reported = rules.map(({ policy, rule, draft }) => {
    const { permitted, seen } = permission(draft, partition);
    permittedInAll += permitted;
    seenInAll += seen;
    return {
      policy,
      rule: rule.name,
      evidence: evidenceOf(draft.links),
      overPermission: rounded(permitted / seen),
      confidence: rounded(draft.confidence),
    };
  });
  return { reported, overPermission: seenInAll === 0 ? 1 : rounded(permittedInAll / seenInAll) };
}

function evidenceOf(links: readonly Link[]): LearnedRule["evidence"] {
  let first = Infinity;
  let last = -Infinity;
  let days = 0;
  let connections = 0;
  for (const link of links) {
    first = Math.min(first, link.firstMs);
    last = Math.max(last, link.lastMs);
    days = Math.max(days, link.days);
    connections += link.established;
  }
  return {
    edges: links.length,
    firstSeen: new Date(first).toISOString(),
    lastSeen: new Date(last).toISOString(),
    days,
    connections,
  };
}

/**
 * Tuples (source, destination, port, software) that a rule permits among the workloads there are, and those seen. What
 * lies outside counts as one party: nobody can say how many clients the internet has.
 */
function permission(draft: RuleDraft, partition: Partition): { permitted: number; seen: number } {
  const tuples = new Set<string>();
  const sources = new Set<number>();
  const destinations = new Set<number>();
  for (const link of draft.links) {
    tuples.add([link.src, link.srcSoftware, link.dst, link.dstSoftware, link.proto, link.port].join());
    sources.add(link.src);
    destinations.add(link.dst);
  }
  const from = sizeOf(draft.from, partition) ?? sources.size;
  const to = draft.inside ? 1 : (sizeOf(draft.to, partition) ?? destinations.size);
  const seen = Math.max(1, tuples.size);
  return {
    permitted: Math.max(
      from * to * draft.fromSoftware.length * draft.toSoftware.length * Math.max(1, draft.ports.length),
      seen,
    ),
    seen,
  };
}

function sizeOf(zones: readonly Zone[], partition: Partition): number | null {
  let size = 0;
  for (const zone of zones) {
    if (zone.kind !== "segment") return null;
    size += partition.groups[zone.number]?.members.length ?? 0;
  }
  return size;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
