import { type PortSpec, parsePortSpec } from "@ringwall/model";
import type { EssentialConfig } from "../policy-set/essential.ts";
import { essentialRules } from "../policy-set/essential-rules.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type NetworkRule, networkRules, speaksFor } from "../policy-set/rules.ts";
import { type Bits, noBits, setBit } from "./bits.ts";

/** A rule with what is left to ask when places, direction and protocol fit. */
export type IndexedRule = NetworkRule & {
  readonly named: readonly Extract<PortSpec, { kind: "named" }>[];
  readonly hasProcess: { readonly source: boolean; readonly destination: boolean };
  readonly unprovedOf: { readonly source: readonly string[]; readonly destination: readonly string[] };
  /** Nothing is left to ask. */
  readonly plain: boolean;
};
export type Proto = "tcp" | "udp" | "sctp" | "icmp";
export type RuleIndex = {
  /** In the order in which the first match decides: essential, immediate denies, denies, allows; each by name. */
  readonly rules: readonly IndexedRule[];
  readonly speaks: { readonly outbound: Bits; readonly inbound: Bits };
  /** Rules whose ports hold, or may hold because they are named. */
  readonly atPort: (proto: Proto, port: number) => Bits;
};

export function createRuleIndex(set: PolicySet, essential: EssentialConfig): RuleIndex {
  const all = networkRules(set);
  const denies = all.filter((rule) => rule.action === "deny");
  const rules = [
    ...essentialRules(essential, false),
    ...denies.filter((rule) => rule.immediate),
    ...denies.filter((rule) => !rule.immediate),
    ...all.filter((rule) => rule.action === "allow"),
  ].map(indexed);
  const speaks = { outbound: noBits(rules.length), inbound: noBits(rules.length) };
  for (const direction of ["outbound", "inbound"] as const)
    rules.forEach((rule, i) => {
      if (speaksFor(rule, direction)) setBit(speaks[direction], i);
    });
  const tables = {
    tcp: portTable(rules, "tcp"),
    udp: portTable(rules, "udp"),
    sctp: portTable(rules, "sctp"),
    icmp: portTable(rules, "icmp"),
  };
  return { rules, speaks, atPort: (proto, port) => tables[proto](port) };
}

function indexed(rule: NetworkRule): IndexedRule {
  const named = (rule.ports ?? []).map(parsePortSpec).filter((spec) => spec?.kind === "named");
  const processOf = (endpoint: NetworkRule["to"], side: string) =>
    (["software", "user", "unit", "container"] as const)
      .filter((key) => endpoint[key] !== undefined)
      .map((key) => `${side} ${key}`);
  const source = processOf(rule.from, "source");
  const destination = processOf(rule.to, "destination");
  const timed = rule.when !== undefined || rule.expires !== undefined || rule.verifiedRequired;
  return {
    ...rule,
    named,
    hasProcess: { source: source.length > 0, destination: destination.length > 0 },
    unprovedOf: { source, destination },
    plain: !timed && named.length === 0 && source.length === 0 && destination.length === 0,
  };
}

/** Sets of rules between the ports at which any rule begins or ends. */
function portTable(rules: readonly IndexedRule[], proto: Proto): (port: number) => Bits {
  const specs = rules.map((rule) => rule.ports?.map(parsePortSpec).filter((spec) => spec?.proto === proto));
  const edges = new Set([0]);
  for (const list of specs)
    for (const spec of list ?? [])
      if (spec?.kind === "range") {
        edges.add(spec.from);
        edges.add(spec.to + 1);
      }
  const starts = Int32Array.from(edges).sort();
  const sets = Array.from(starts, () => noBits(rules.length));
  specs.forEach((list, rule) => {
    const whole = list === undefined || list.some((spec) => spec?.kind === "named");
    for (const spec of whole ? [{ kind: "range", from: 0, to: 65535 } as const] : list) {
      if (spec?.kind !== "range") continue;
      for (let i = before(starts, spec.from); i < starts.length && (starts[i] ?? 0) <= spec.to; i++)
        setBit(sets[i] as Bits, rule); // one set for each start
    }
  });
  return (port) => sets[before(starts, port)] as Bits; // the first start is 0
}

/** Index of the last start that is not behind the port. */
function before(starts: Int32Array, port: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] as number) <= port) low = middle;
    else high = middle - 1;
  }
  return low;
}
