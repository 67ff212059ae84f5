import type { Assertion, Policy } from "@ringwall/model";
import type { PolicySet } from "../policy-set/policy-set.ts";
import type { NetworkRule } from "../policy-set/rules.ts";

type Rule = Policy["spec"]["rules"][number];
export type Clause = Extract<Rule, { allow: unknown }>["allow"] | Extract<Rule, { deny: unknown }>["deny"];

/** Something that describes flows, with where it stands. */
export type Stated = {
  readonly resource: Policy | Assertion;
  readonly path: readonly (string | number)[];
  readonly kind: "allow" | "deny" | "never";
  /** `POLICY/RULE NAME`, or the assertion's name. */
  readonly name: string;
  readonly clause: Clause;
};
export type Endpoint = NetworkRule["to"];

/** Every allow, deny and never of the set. */
export function statedClauses(set: PolicySet): readonly Stated[] {
  const rules = set.policies.flatMap((policy) =>
    policy.spec.rules.flatMap((rule, i): readonly Stated[] => {
      const base = { resource: policy, name: `${policy.metadata.name}/${rule.name}` };
      if ("allow" in rule)
        return [{ ...base, kind: "allow", clause: rule.allow, path: ["spec", "rules", i, "allow"] }];
      if ("deny" in rule)
        return [{ ...base, kind: "deny", clause: rule.deny, path: ["spec", "rules", i, "deny"] }];
      return [];
    }),
  );
  const nevers = set.assertions.map(
    (one): Stated => ({
      resource: one,
      name: one.metadata.name,
      kind: "never",
      clause: one.spec.never,
      path: ["spec", "never"],
    }),
  );
  return [...rules, ...nevers];
}

/** The two endpoints of a clause with their sides; an end that is left out is empty. */
export function endpointsOf(
  clause: Clause,
): readonly { readonly side: "from" | "to"; readonly endpoint: Endpoint }[] {
  return [
    { side: "from", endpoint: clause.from ?? {} },
    { side: "to", endpoint: clause.to ?? {} },
  ];
}

/** Says who the process must be. */
export function namesProcess(endpoint: Endpoint): boolean {
  return [endpoint.software, endpoint.user, endpoint.unit, endpoint.container].some(
    (one) => one !== undefined,
  );
}
