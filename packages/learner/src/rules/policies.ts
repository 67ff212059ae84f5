import type { Policy, Rule } from "@ringwall/model";
import { API_VERSION } from "@ringwall/model";
import type { SoftwareGroup } from "../software/software-group.ts";
import { type Fleet, widened } from "./everybody.ts";
import type { RuleDraft } from "./merge.ts";
import { writeRule } from "./write.ts";
import type { Zone } from "./zone.ts";

/** A rule with the policy it stands in and the draft it came from. */
export type PlacedRule = { readonly policy: string; readonly rule: Rule; readonly draft: RuleDraft };

const SHARED_POLICY = "shared-services";

/** One policy per segment that is reached, as its owners would review it; what serves many stands in one of its own. */
export function policiesOf(
  drafts: readonly RuleDraft[],
  words: {
    readonly segments: readonly string[];
    readonly software: readonly SoftwareGroup[];
    readonly fleet: Fleet;
  },
  taken: ReadonlySet<string>,
): { readonly policies: readonly Policy[]; readonly rules: readonly PlacedRule[] } {
  const rules: PlacedRule[] = [];
  const used = new Map<string, Set<string>>();
  for (const narrow of drafts) {
    const draft = widened(narrow, words.fleet);
    const policy = policyName(draft, words.segments, taken);
    const rule = writeRule(draft, words);
    const names = used.get(policy) ?? new Set<string>();
    used.set(policy, names);
    rules.push({ policy, rule: { ...rule, name: distinctName(rule.name, draft, names) }, draft });
  }
  rules.sort((a, b) => compare(a.policy, b.policy) || compare(a.rule.name, b.rule.name));
  return { policies: policyDocuments(rules), rules };
}

/** The documents that hold these rules. */
export function policyDocuments(rules: readonly PlacedRule[]): readonly Policy[] {
  return [...Map.groupBy(rules, (rule) => rule.policy)].map(([name, own]) =>
    policyDocument(
      name,
      own.map(({ rule }) => rule),
    ),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function policyName(draft: RuleDraft, segments: readonly string[], taken: ReadonlySet<string>): string {
  const only = (zones: readonly Zone[]): string | undefined => {
    const [zone] = zones;
    return zones.length === 1 && zone?.kind === "segment" ? segments[zone.number] : undefined;
  };
  const shared = taken.has(SHARED_POLICY) ? `${SHARED_POLICY}-learned` : SHARED_POLICY;
  return (draft.inside ? undefined : only(draft.to)) ?? only(draft.from) ?? shared;
}

function distinctName(name: string, draft: RuleDraft, used: Set<string>): string {
  const candidates = [name, `${name} on ${draft.ports.slice(0, 3).join(", ")}`];
  let chosen = candidates.find((candidate) => !used.has(candidate));
  for (let n = 2; chosen === undefined; n++) if (!used.has(`${name} (${n})`)) chosen = `${name} (${n})`;
  used.add(chosen);
  return chosen;
}

export function policyDocument(name: string, rules: readonly Rule[]): Policy {
  return {
    apiVersion: API_VERSION,
    kind: "Policy",
    metadata: { name },
    spec: { rules: [...rules] },
  };
}
