import type { Attempt, Policy, Resource, Segment, Software, Workload } from "@ringwall/model";
import { createDecider, inventoryOf, listOf, policySetOf, selectsWorkload } from "@ringwall/policy";
import { attemptOf, type StandIn, type Subject } from "./attempt.ts";

/** An existing policy, ready to be asked. */
export type PolicyJudge = {
  /** Null: no end that was recorded is managed, so nobody judges it. */
  readonly allows: (subject: Subject, standIn?: StandIn) => boolean | null;
  readonly segments: readonly { readonly segment: Segment; readonly members: readonly string[] }[];
  readonly segmentOf: (workload: string) => string | null;
  readonly software: readonly Software[];
  readonly rules: readonly AllowedEnds[];
};

/** The segments that an allow names at its ends, none where it names none; software null where any will do. */
export type AllowedEnds = {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly software: readonly string[] | null;
};

/** Asks the reference evaluator; an end whose own program the records left out is not asked. */
export function policyJudge(
  resources: readonly Resource[],
  inventory: readonly Workload[],
): PolicyJudge | null {
  const indexed = inventoryOf(inventory);
  if (!indexed.ok) return null;
  const set = policySetOf(resources);
  const decider = createDecider(set, indexed.value);
  const segments = set.segments.map((segment) => ({
    segment,
    members: inventory
      .filter((one) => selectsWorkload(segment.spec.workloads, one))
      .map((one) => one.metadata.name),
  }));
  const home = new Map<string, string>();
  for (const { segment, members } of segments)
    for (const member of members) if (!home.has(member)) home.set(member, segment.metadata.name);
  const allows = (subject: Subject, standIn: StandIn = {}): boolean | null => {
    const verdict = decider.decide(attemptOf(subject, standIn));
    if (!verdict.ok) return false;
    const isAsked = (own: keyof Pick<Subject, "program" | "server">, end: "src" | "dst"): boolean =>
      subject[own] !== null || standIn[own] !== undefined || isNamed(attemptOf(subject), end);
    const { outbound, inbound } = verdict.value;
    const asked = [
      outbound !== null && isAsked("program", "src") ? outbound : null,
      inbound !== null && isAsked("server", "dst") ? inbound : null,
    ].filter((one) => one !== null);
    return asked.length === 0 ? null : asked.every((one) => one.decision === "allow");
  };
  return {
    allows,
    segments,
    segmentOf: (workload) => home.get(workload) ?? null,
    software: set.software,
    rules: set.policies.flatMap(allowedEnds),
  };
}

function allowedEnds(policy: Policy): readonly AllowedEnds[] {
  return policy.spec.rules.flatMap((rule) => {
    if (!("allow" in rule)) return [];
    const { from, to } = rule.allow;
    const software = from?.software;
    const isList = typeof software === "string" || Array.isArray(software);
    return [
      {
        from: listOf(from?.segment ?? []),
        to: listOf(to?.segment ?? []),
        software: isList ? listOf(software) : null,
      },
    ];
  });
}

/** The record named a Software resource. */
function isNamed(attempt: Attempt, end: "src" | "dst"): boolean {
  return attempt[end].software != null;
}
