import { type Attempt, type Outcome, parsePortSpec, portLast, type Workload } from "@ringwall/model";
import { createDecider } from "../decider/decider.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import { listOf, selectsWorkload } from "../policy-set/labels.ts";
import { blocksOf } from "../policy-set/patterns.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type NetworkRule, networkRules } from "../policy-set/rules.ts";
import { withoutTime } from "../policy-set/without-time.ts";

/** Attempts that a comparison tries; beyond that it says that it is not complete. */
export const DIFF_PROBES_MAX = 4_000_000;

/** Something that is decided otherwise: for all of these workloads (or addresses) and ports. */
export type Change = {
  readonly becomes: "allowed" | "denied";
  readonly src: readonly string[];
  readonly srcSoftware: string;
  readonly dst: readonly string[];
  readonly dstSoftware: string;
  readonly proto: string;
  readonly from: number;
  readonly to: number;
  /** What decided before, and what decides now. */
  readonly before: string;
  readonly after: string;
};
export type PolicyDiff = { readonly changes: readonly Change[]; readonly complete: boolean };
type World = { readonly set: PolicySet; readonly inventory: Inventory };
type Group = { readonly names: readonly string[]; readonly end: Attempt["src"] };

/**
 * What becomes allowed and what becomes denied between two policies, whatever was rewritten on the way. Workloads that
 * no rule of either side tells apart are one group; ports are the ranges between the edges that rules draw.
 */
export function diffPolicies(givenA: World, givenB: World): PolicyDiff {
  const a = { ...givenA, set: withoutTime(givenA.set) };
  const b = { ...givenB, set: withoutTime(givenB.set) };
  const before = createDecider(a.set, a.inventory, { nearest: false });
  const after = createDecider(b.set, b.inventory, { nearest: false });
  const rules = [...networkRules(a.set), ...networkRules(b.set)];
  const groups = groupsOf(a, b, rules);
  const programs = programsOf(a.set, b.set, rules);
  const ports = portsOf(a, b, rules);
  const changes: Change[] = [];
  let probes = 0;
  for (const src of groups)
    for (const dst of groups) {
      if (src.end.workload === undefined && dst.end.workload === undefined) continue;
      for (const srcSoftware of programs)
        for (const dstSoftware of programs)
          for (const { proto, from, to } of ports) {
            if (++probes > DIFF_PROBES_MAX) return { changes: merged(changes), complete: false };
            const at = proto === "icmp" ? { icmpType: from } : { port: from };
            const attempt: Attempt = {
              proto,
              ...at,
              src: endOf(src, srcSoftware),
              dst: endOf(dst, dstSoftware),
            };
            const was = outcomeOf(before.decide(attempt));
            const is = outcomeOf(after.decide(attempt));
            if (was === null || is === null || (was.outcome === "allowed") === (is.outcome === "allowed"))
              continue;
            changes.push({
              becomes: is.outcome === "allowed" ? "allowed" : "denied",
              src: src.names,
              srcSoftware: srcSoftware.name,
              dst: dst.names,
              dstSoftware: dstSoftware.name,
              proto,
              from,
              to,
              before: was.rule,
              after: is.rule,
            });
          }
    }
  return { changes: merged(changes), complete: true };
}

type Program = { readonly name: string; readonly keys: Partial<Attempt["src"]> };
/** A program that no rule names. */
const OTHER: Program = {
  name: "any other program",
  keys: {
    exe: "/ringwall/any-other-program",
    exeSha256: "0".repeat(64),
    script: null,
    user: null,
    unit: null,
    container: null,
  },
};

function endOf({ end }: Group, program: Program): Attempt["src"] {
  return end.workload === undefined ? end : { ...end, ...program.keys };
}

function outcomeOf(
  verdict: ReturnType<ReturnType<typeof createDecider>["decide"]>,
): { outcome: Outcome; rule: string } | null {
  if (!verdict.ok) return null;
  const { outcome, outbound, inbound } = verdict.value;
  const deciding = inbound?.outcome === outcome ? inbound : outbound;
  return { outcome, rule: deciding?.rule ?? "not judged" };
}

/** Workloads that are in both inventories, by what every selector of both sides says of them; and addresses on each side of every block's edge. */
function groupsOf(a: World, b: World, rules: readonly NetworkRule[]): readonly Group[] {
  const selectors = [...a.set.segments, ...b.set.segments].map((one) => one.spec.workloads);
  const endpoints = rules.flatMap((rule) => [rule.from, rule.to]);
  for (const { labels } of endpoints) if (labels !== undefined) selectors.push(labels);
  const named = new Set(
    endpoints.flatMap(({ workload }) => (workload === undefined ? [] : listOf(workload))),
  );
  const hasBlocks = endpoints.some(({ cidr }) => cidr !== undefined);
  const keyOf = (one: Workload): string => {
    const { name } = one.metadata;
    const own = [
      named.has(name) ? name : "",
      one.spec.management ?? "",
      JSON.stringify(one.spec.ports ?? []),
    ];
    const addresses = hasBlocks ? one.spec.addresses.join() : "";
    return `${selectors.map((selector) => (selectsWorkload(selector, one) ? 1 : 0)).join("")} ${own.join(" ")} ${addresses}`;
  };
  const both = a.inventory.workloads.filter((one) => b.inventory.byName.has(one.metadata.name));
  const groups = Map.groupBy(
    both,
    (one) => `${keyOf(one)} ${keyOf(b.inventory.byName.get(one.metadata.name) ?? one)}`,
  );
  const workloads = [...groups.values()].map((members): Group => {
    const names = members.map((one) => one.metadata.name);
    return { names, end: { workload: names[0] } };
  });
  const edges = new Set(["8.8.8.8", "10.255.255.254"]);
  for (const { cidr } of endpoints) {
    if (cidr === undefined) continue;
    const { include, exclude } = blocksOf(cidr);
    for (const text of [...include, ...exclude]) edges.add(text.split("/")[0] ?? text);
  }
  return [...workloads, ...[...edges].map((ip): Group => ({ names: [ip], end: { ip } }))];
}

/** Processes that rules of either side tell apart, and one that none of them names. */
function programsOf(a: PolicySet, b: PolicySet, rules: readonly NetworkRule[]): readonly Program[] {
  const known = (name: string) =>
    [a, b].every((set) => set.software.some((one) => one.metadata.name === name));
  const programs = new Map<string, Program>([[OTHER.name, OTHER]]);
  for (const { from, to } of rules)
    for (const { software, user, unit, container } of [from, to]) {
      if ([software, user, unit, container].every((one) => one === undefined)) continue;
      const names =
        software === undefined
          ? []
          : listOf(typeof software === "object" && "not" in software ? software.not : software);
      for (const name of names.length === 0 ? [null] : names.filter(known))
        for (const one of listOf(user ?? "")) {
          const keys = {
            user: one === "" ? null : one,
            unit: listOf(unit ?? "")[0] || null,
            container: listOf(container ?? "")[0] || null,
          };
          const own = Object.values(keys).filter((value) => value !== null);
          const label = [name ?? OTHER.name, ...own].join(" as ");
          programs.set(label, {
            name: label,
            keys: { ...(name === null ? OTHER.keys : { software: name }), ...keys },
          });
        }
    }
  return [...programs.values()];
}

function portsOf(a: World, b: World, rules: readonly NetworkRule[]) {
  const specs = rules.flatMap((rule) => (rule.ports ?? []).map(parsePortSpec)).filter((one) => one !== null);
  const named = [...a.inventory.workloads, ...b.inventory.workloads].flatMap((one) => one.spec.ports ?? []);
  return (["tcp", "udp", "sctp", "icmp"] as const).flatMap((proto) => {
    const starts = new Set([0]);
    for (const spec of specs)
      if (spec.kind === "range" && spec.proto === proto) starts.add(spec.from).add(spec.to + 1);
    if (specs.some((spec) => spec.kind === "named"))
      for (const one of named) if (one.proto === proto) starts.add(one.port).add(one.port + 1);
    const sorted = [...starts].filter((one) => one <= portLast(proto)).sort((x, y) => x - y);
    return sorted.map((from, i) => ({ proto, from, to: (sorted[i + 1] ?? portLast(proto) + 1) - 1 }));
  });
}

/** Neighbouring port ranges with the same story are one. */
function merged(changes: readonly Change[]): readonly Change[] {
  const list: Change[] = [];
  for (const change of changes) {
    const last = list.at(-1);
    const same =
      last !== undefined &&
      last.to + 1 === change.from &&
      JSON.stringify({ ...last, from: 0, to: 0 }) === JSON.stringify({ ...change, from: 0, to: 0 });
    if (same) list[list.length - 1] = { ...last, to: change.to };
    else list.push(change);
  }
  return list;
}
