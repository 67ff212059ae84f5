import type { DestinationEndpoint, Policy, Resource, Rule, Segment, Software } from "@ringwall/model";
import { listOf } from "@ringwall/policy";

/** What the learner proposes: an allow, or what may run. */
export type ProposedRule = Extract<Rule, { readonly allow: unknown } | { readonly run: unknown }>;

/**
 * A proposed rule that a person turned down, with what its names meant then: so it is known again when segments have
 * other names and software other contents.
 */
export type Rejection = {
  readonly policy: string;
  readonly rule: ProposedRule;
  /** The segments and the software that the rule names; of software only the places, without digests. */
  readonly segments: readonly { readonly name: string; readonly workloads: Segment["spec"]["workloads"] }[];
  readonly software: readonly { readonly name: string; readonly anyOf: Software["spec"]["anyOf"] }[];
  readonly reason: string;
};

/** The proposed rules of a policy's documents, by `POLICY/RULE`. */
export function proposedRules(
  resources: readonly Resource[],
): ReadonlyMap<string, { readonly policy: string; readonly rule: ProposedRule }> {
  const policies = resources.filter((one): one is Policy => one.kind === "Policy");
  return new Map(
    policies.flatMap(({ metadata, spec }) =>
      spec.rules.flatMap((rule) =>
        "deny" in rule ? [] : [[`${metadata.name}/${rule.name}`, { policy: metadata.name, rule }] as const],
      ),
    ),
  );
}

/** The record of a rule that is turned down; `resources` say what its names mean. */
export function rejectionOf(
  policy: string,
  rule: ProposedRule,
  resources: readonly Resource[],
  reason: string,
): Rejection {
  const { segments, software } = namesIn(rule);
  return {
    policy,
    rule,
    segments: resources.flatMap((one) =>
      one.kind === "Segment" && segments.has(one.metadata.name)
        ? [{ name: one.metadata.name, workloads: one.spec.workloads }]
        : [],
    ),
    software: resources.flatMap((one) =>
      one.kind === "Software" && software.has(one.metadata.name)
        ? [{ name: one.metadata.name, anyOf: one.spec.anyOf.map(placeOf) }]
        : [],
    ),
    reason,
  };
}

function namesIn(rule: ProposedRule): {
  readonly segments: ReadonlySet<string>;
  readonly software: ReadonlySet<string>;
} {
  if ("run" in rule)
    return { segments: new Set(listOf(rule.run.segment)), software: new Set(listOf(rule.run.software)) };
  const ends = [rule.allow.from, rule.allow.to];
  return {
    segments: new Set(ends.flatMap((end) => listOf(end?.segment ?? []))),
    software: new Set(ends.flatMap(softwareNamed)),
  };
}

/** The software that an end must be; none where any will do. */
export function softwareNamed(end: DestinationEndpoint | undefined): readonly string[] {
  const software = end?.software;
  return typeof software === "string" || Array.isArray(software) ? listOf(software) : [];
}

/** The place without its content: an upgrade of what was turned down is turned down too. */
function placeOf(entry: Software["spec"]["anyOf"][number]): Software["spec"]["anyOf"][number] {
  const { executable, script, ...rest } = entry;
  const bare = <T extends { readonly path?: string | undefined; readonly sha256?: unknown }>(match: T): T => {
    if (match.path === undefined) return match;
    const { sha256: _, ...place } = match;
    return place as T;
  };
  return {
    ...rest,
    ...(executable === undefined ? {} : { executable: bare(executable) }),
    ...(script === undefined ? {} : { script: bare(script) }),
  };
}
