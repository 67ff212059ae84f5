import type { PolicySet } from "./policy-set.ts";

/** The policy at the time when most is allowed: every allow in its window and not expired, every deny with a window outside it. */
export function withoutTime(set: PolicySet): PolicySet {
  const policies = set.policies.map((policy) => {
    const { expires: _expires, ...metadata } = policy.metadata;
    const rules = policy.spec.rules.flatMap((rule): typeof policy.spec.rules => {
      if ("deny" in rule) return rule.deny.when === undefined ? [rule] : [];
      if (!("allow" in rule)) return [rule];
      const { when: _when, ...allow } = rule.allow;
      return [{ ...rule, allow }];
    });
    return { ...policy, metadata, spec: { rules } };
  });
  return { ...set, policies };
}
