import type { SourceEndpoint } from "@ringwall/model";
import type { ProcessSelector } from "../lower/host-policy.ts";
import { AGENT_SOFTWARE } from "../policy-set/essential.ts";
import { listOf } from "../policy-set/labels.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";

/**
 * What an endpoint says about a process, as selectors of which any may hold; a selector without fields is any process,
 * no selector at all means that the rule can't match. References that do not resolve match nothing in an allow and
 * everything in a deny.
 */
export function processSelectors(
  set: PolicySet,
  endpoint: SourceEndpoint,
  action: "allow" | "deny",
): readonly ProcessSelector[] {
  const rest = {
    ...(endpoint.user === undefined ? {} : { user: [...listOf(endpoint.user)] }),
    ...(endpoint.unit === undefined ? {} : { unit: [...listOf(endpoint.unit)] }),
    ...(endpoint.container === undefined ? {} : { container: [...listOf(endpoint.container)] }),
  };
  const { software } = endpoint;
  if (software === undefined) return [rest];
  const not = typeof software === "object" && "not" in software;
  const wanted = listOf(not ? software.not : software);
  const known = (name: string) => set.software.some((one) => one.metadata.name === name);
  const names = wanted.filter(known);
  const unresolved = wanted.some((name) => !known(name) && name !== AGENT_SOFTWARE);
  if (not) {
    if (unresolved && action === "allow") return [];
    return [names.length === 0 ? rest : { ...rest, software: { names, not } }];
  }
  if (unresolved && action === "deny") return [rest];
  const selectors: ProcessSelector[] = names.length === 0 ? [] : [{ ...rest, software: { names, not } }];
  return wanted.includes(AGENT_SOFTWARE) ? [...selectors, { ...rest, agent: true }] : selectors;
}

/** Names of the process factors that an endpoint has, for what passes without proof: `source software`. */
export function processFactorNames(endpoint: SourceEndpoint, side: "source" | "destination"): string[] {
  const keys = ["software", "user", "unit", "container"] as const;
  return keys.filter((key) => endpoint[key] !== undefined).map((key) => `${side} ${key}`);
}
