import type { ProcessIdentity } from "@ringwall/model";
import type { HostPolicy, HostRule } from "./host-policy.ts";
import { anyOf, type Truth } from "./match-software.ts";
import { judgeSelector } from "./subject.ts";

/**
 * What is known of the peer's software (docs/proof.md, "The look-up"): nothing and it could not be, nothing though it
 * could, nothing yet, anything that helps, or for each process selector whether it meets it.
 */
export type Remote =
  | { readonly kind: "none" | "unknown" | "provisional" | "agreeable" }
  | { readonly kind: "proved"; readonly truths: ReadonlyMap<number, Truth> };

/** Whether the rule depends on what the peer proves at all. */
export function asksPeer(rule: HostRule): boolean {
  return rule.remote !== undefined || rule.verifiedRequired === true;
}

/** Whether the rule speaks for a peer: an allow needs its factors known and true, a deny takes what is not known as true. */
export function remoteHolds(rule: HostRule, remote: Remote): boolean {
  const isAllow = rule.action === "allow";
  switch (remote.kind) {
    case "none":
      return rule.verifiedRequired !== true;
    case "unknown":
      return !(isAllow && asksPeer(rule));
    case "provisional":
      return true;
    // Whatever helps: an allow holds, a deny that asks for something does not.
    case "agreeable":
      return isAllow || !asksPeer(rule);
    case "proved": {
      if (rule.remote === undefined) return true;
      const truth = anyOf(rule.remote.map((index) => remote.truths.get(index) ?? null));
      return isAllow ? truth === true : truth !== false;
    }
  }
}

/** What a proved identity is to this policy; two that give the same text are the same class. */
export function remoteOf(
  policy: HostPolicy,
  identity: ProcessIdentity,
): { readonly key: string; readonly remote: Remote } {
  const truths = new Map<number, Truth>();
  for (const rule of policy.rules) {
    for (const index of rule.remote ?? []) {
      const selector = policy.processSelectors[index];
      if (selector !== undefined && !truths.has(index))
        truths.set(index, judgeSelector(policy, selector, identity));
    }
  }
  return { key: JSON.stringify([...truths]), remote: { kind: "proved", truths } };
}
