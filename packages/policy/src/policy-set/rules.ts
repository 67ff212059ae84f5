import type { DestinationEndpoint, Policy, SourceEndpoint, TimeWindow } from "@ringwall/model";
import { compareText, type PolicySet } from "./policy-set.ts";

/** An allow or deny rule, out of its policy, with every default filled in. */
export type NetworkRule = {
  /** `POLICY/RULE NAME`, or `essential/WHICH`. */
  readonly name: string;
  readonly action: "allow" | "deny";
  readonly from: SourceEndpoint;
  readonly to: DestinationEndpoint;
  /** Undefined = every protocol and port. */
  readonly ports: readonly string[] | undefined;
  readonly at: "both" | "source" | "destination";
  readonly verifiedRequired: boolean;
  readonly when: TimeWindow | undefined;
  /** Last day (UTC) on which an allow holds. */
  readonly expires: string | undefined;
  readonly immediate: boolean;
};

/** Every allow and deny, in the order of names, so that the order of files and rules can't matter. */
export function networkRules(set: PolicySet): readonly NetworkRule[] {
  return set.policies.flatMap(networkRulesOf).toSorted((a, b) => compareText(a.name, b.name));
}

/** In the order of the text; `run` rules are left out. */
export function networkRulesOf(policy: Policy): readonly NetworkRule[] {
  const rules: NetworkRule[] = [];
  for (const rule of policy.spec.rules) {
    const name = `${policy.metadata.name}/${rule.name}`;
    if ("allow" in rule) {
      const { verified, ...clause } = rule.allow;
      rules.push({
        ...ruleOf(name, "allow", clause),
        verifiedRequired: verified === "required",
        expires: policy.metadata.expires,
      });
    } else if ("deny" in rule) {
      rules.push({ ...ruleOf(name, "deny", rule.deny), immediate: rule.enforcement === "immediate" });
    }
  }
  return rules;
}

type Clause = {
  readonly from?: SourceEndpoint | undefined;
  readonly to?: DestinationEndpoint | undefined;
  readonly ports?: readonly string[] | undefined;
  readonly at?: NetworkRule["at"] | undefined;
  readonly when?: TimeWindow | undefined;
};

/** A rule from its clause alone. */
export function ruleOf(name: string, action: NetworkRule["action"], clause: Clause): NetworkRule {
  return {
    name,
    action,
    from: clause.from ?? {},
    to: clause.to ?? {},
    ports: clause.ports,
    at: clause.at ?? "both",
    verifiedRequired: false,
    when: clause.when,
    expires: undefined,
    immediate: false,
  };
}

/** Whether a rule speaks for the end that judges in this direction. */
export function speaksFor(rule: NetworkRule, direction: "outbound" | "inbound"): boolean {
  return rule.at === "both" || rule.at === (direction === "outbound" ? "source" : "destination");
}
