import { parsePortSpec, type Workload } from "@ringwall/model";
import { type Fleet, ownPlace } from "../compile/peer-set.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type NetworkRule, networkRules, speaksFor } from "../policy-set/rules.ts";

/** How well a target says what a rule says. `widerPairs`: (workload, port) pairs that the target opens further than the rule. */
export type RuleFidelity = {
  readonly rule: string;
  readonly fidelity: "exact" | "wider" | "not expressible";
  readonly reasons: readonly string[];
  readonly widerPairs: number;
};
/** Files of another system, and how much of the policy they hold. */
export type Exported = {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly fidelity: readonly RuleFidelity[];
};
export type Direction = "outbound" | "inbound";
export const DIRECTIONS = ["outbound", "inbound"] as const;

const PORTS_ALL = 65_536;

/** What no address-based target can hold of a rule: who the process is, time, proof. */
export function lostFactors(rule: NetworkRule): readonly string[] {
  const lost = (["from", "to"] as const).flatMap((side) =>
    (["software", "user", "unit", "container"] as const)
      .filter((key) => rule[side][key] !== undefined)
      .map((key) => `\`${side}.${key}\``),
  );
  return [
    ...lost,
    ...(rule.to.fqdn === undefined ? [] : ["`to.fqdn`"]),
    ...(rule.when === undefined ? [] : ["`when`"]),
    ...(rule.expires === undefined ? [] : ["`expires`"]),
    ...(rule.verifiedRequired ? ["`verified`"] : []),
  ];
}

/** Collects what exporters find about each rule; the worst that is said of a rule holds. */
export function createReport(set: PolicySet, fleet: Fleet) {
  const found = new Map<string, { wider: string[]; missing: string[]; pairs: number }>();
  const at = (rule: NetworkRule) => {
    const known = found.get(rule.name) ?? { wider: [], missing: [], pairs: 0 };
    found.set(rule.name, known);
    return known;
  };
  const once = (list: string[], reason: string) => {
    if (!list.includes(reason)) list.push(reason);
  };
  for (const rule of networkRules(set)) at(rule);
  return {
    /** The target lets more through than the rule. */
    wider: (rule: NetworkRule, reason: string) => {
      const one = at(rule);
      if (one.wider.length === 0) one.pairs = pairsOf(fleet, rule);
      once(one.wider, reason);
    },
    /** The target leaves the rule out: of an allow that is narrower, of a deny wider. */
    missing: (rule: NetworkRule, reason: string) => {
      const one = at(rule);
      if (rule.action === "deny" && one.missing.length === 0) one.pairs = pairsOf(fleet, rule);
      once(one.missing, reason);
    },
    result: (): readonly RuleFidelity[] =>
      [...found].map(([rule, { wider, missing, pairs }]) => ({
        rule,
        fidelity: missing.length > 0 ? "not expressible" : wider.length > 0 ? "wider" : "exact",
        reasons: [...missing, ...wider],
        widerPairs: pairs,
      })),
  };
}

/** Workloads for which the rule speaks, times its ports, in each direction. */
function pairsOf(fleet: Fleet, rule: NetworkRule): number {
  const ports =
    rule.ports === undefined
      ? PORTS_ALL
      : rule.ports.reduce((sum, text) => {
          const spec = parsePortSpec(text);
          return sum + (spec?.kind === "range" ? spec.to - spec.from + 1 : 1);
        }, 0);
  const ends = DIRECTIONS.filter((direction) => speaksFor(rule, direction)).map(
    (direction) => ownersOf(fleet, rule, direction).length,
  );
  return ports * ends.reduce((sum, one) => sum + one, 0);
}

/** The workloads at which a rule is judged in a direction. */
export function ownersOf(fleet: Fleet, rule: NetworkRule, direction: Direction): readonly Workload[] {
  const endpoint = direction === "outbound" ? rule.from : rule.to;
  return fleet.inventory.workloads.filter((one) => ownPlace(fleet, endpoint, one) !== false);
}

/** The report as text for people, a line per rule. */
export function formatFidelity(target: string, report: readonly RuleFidelity[]): string {
  const count = (fidelity: RuleFidelity["fidelity"]) =>
    report.filter((one) => one.fidelity === fidelity).length;
  const head = `${target}: ${count("exact")} rules exact, ${count("wider")} wider, ${count("not expressible")} not expressible`;
  const lines = report
    .filter((one) => one.fidelity !== "exact")
    .map(
      (one) =>
        `  ${one.rule}: ${one.fidelity}, ${one.reasons.join("; ")}; ${one.widerPairs} (workload, port) pairs wider`,
    );
  return [head, ...lines].join("\n");
}
