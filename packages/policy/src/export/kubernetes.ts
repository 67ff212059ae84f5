import { type LabelSelector, parsePortSpec, type Segment } from "@ringwall/model";
import { stringify } from "yaml";
import { addressSetOf, type Fleet, fleetOf, ownPlace, peerRanges } from "../compile/peer-set.ts";
import { NAMESPACE_NAME, NAMESPACE_PREFIX } from "../import/kubernetes/selectors.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import { listOf, selectsWorkload } from "../policy-set/labels.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type NetworkRule, networkRules, speaksFor } from "../policy-set/rules.ts";
import { createReport, DIRECTIONS, type Direction, type Exported, lostFactors } from "./fidelity.ts";

type Expression = { key: string; operator: "In" | "NotIn" | "Exists" | "DoesNotExist"; values?: string[] };
type K8sSelector = { matchExpressions?: Expression[]; matchLabels?: Record<string, string> };
type Peer = {
  podSelector?: K8sSelector;
  namespaceSelector?: K8sSelector;
  ipBlock?: { cidr: string; except?: string[] };
};
type Clause = {
  from?: Peer[];
  to?: Peer[];
  ports?: { protocol: string; port?: number | string; endPort?: number }[];
};
type Report = ReturnType<typeof createReport>;

/**
 * NetworkPolicies for every segment in block, for each namespace it has workloads in. Allows of addresses, labels and
 * ports are exact; denies, processes and times can't be said and stand in the report.
 */
export function exportKubernetes(set: PolicySet, inventory: Inventory): Exported {
  const fleet: Fleet = fleetOf(set, inventory);
  const report = createReport(set, fleet);
  const rules = networkRules(set);
  for (const rule of rules) noteLosses(report, rule);
  const documents = set.segments.flatMap((segment) => policiesOf(fleet, segment, rules, report));
  const text = documents.map((one) => stringify(one, { lineWidth: 0 })).join("---\n");
  return { files: [{ path: "networkpolicies.yaml", text }], fidelity: report.result() };
}

function noteLosses(report: Report, rule: NetworkRule): void {
  if (rule.action === "deny") report.missing(rule, "a NetworkPolicy can't deny");
  else for (const lost of lostFactors(rule)) report.wider(rule, `${lost} can't be said`);
}

function blocked(segment: Segment, direction: Direction): boolean {
  return (segment.spec.mode ?? segment.spec.modes?.[direction]) === "block";
}

function policiesOf(
  fleet: Fleet,
  segment: Segment,
  rules: readonly NetworkRule[],
  report: Report,
): readonly unknown[] {
  const directions = DIRECTIONS.filter((direction) => blocked(segment, direction));
  if (directions.length === 0) return [];
  const members = fleet.inventory.workloads.filter((one) => selectsWorkload(segment.spec.workloads, one));
  const spaces = new Set(members.map((one) => one.metadata.labels?.[NAMESPACE_NAME] ?? "default"));
  return [...spaces].sort().flatMap((space) => {
    const base = nameOf(segment.metadata.name, space);
    const whole = networkPolicy(base, space, [segment.spec.workloads], directions);
    const parts: unknown[] = [whole];
    let part = 0;
    for (const direction of directions)
      for (const rule of rules) {
        if (rule.action === "deny" || !speaksFor(rule, direction)) continue;
        const own = direction === "outbound" ? rule.from : rule.to;
        const clause = clauseOf(fleet, rule, direction, report);
        if (clause === null) continue;
        for (const selectors of ownSelectors(fleet, own, segment, rule, report)) {
          if (selectors.length === 1) addClause(whole, direction, clause);
          else {
            const extra = networkPolicy(`${base}-${++part}`, space, selectors, [direction]);
            addClause(extra, direction, clause);
            parts.push(extra);
          }
        }
      }
    return parts;
  });
}

type Built = { spec: { ingress?: Clause[]; egress?: Clause[] } };

function networkPolicy(
  name: string,
  space: string,
  selectors: readonly LabelSelector[],
  directions: readonly Direction[],
): Built {
  const all = selectors.flatMap((one) => expressionsOf(one, ""));
  const spec = {
    podSelector: all.length === 0 ? {} : { matchExpressions: all },
    policyTypes: directions.map((one) => (one === "inbound" ? "Ingress" : "Egress")),
    ...(directions.includes("inbound") ? { ingress: [] } : {}),
    ...(directions.includes("outbound") ? { egress: [] } : {}),
  };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace: space },
    spec,
  } as Built;
}

function addClause(policy: Built, direction: Direction, clause: Clause): void {
  const list = direction === "inbound" ? policy.spec.ingress : policy.spec.egress;
  list?.push(clause);
}

/** The selectors whose meeting is the part of the segment that a rule speaks for; several where it names several segments. */
function ownSelectors(
  fleet: Fleet,
  own: NetworkRule["to"],
  segment: Segment,
  rule: NetworkRule,
  report: Report,
): readonly (readonly LabelSelector[])[] {
  const { set, inventory } = fleet;
  const { workload, segment: segments, labels, cidr } = own;
  const base = segment.spec.workloads;
  if (own.unmanaged === true || own.internet === true) return [];
  if (workload !== undefined || cidr !== undefined) {
    const members = inventory.workloads.filter((one) => selectsWorkload(base, one));
    if (members.every((one) => ownPlace(fleet, own, one) === false)) return [];
    report.missing(rule, "its own end is named by workload or address");
    return [];
  }
  const withLabels = labels === undefined ? [base] : [base, labels];
  if (segments === undefined) return [withLabels];
  const named = listOf(segments);
  if (named.includes(segment.metadata.name)) return [withLabels];
  const others = set.segments.filter((one) => named.includes(one.metadata.name));
  return others.map((one) => [...withLabels, one.spec.workloads]);
}

/** Null where nothing of the rule is left. */
function clauseOf(fleet: Fleet, rule: NetworkRule, direction: Direction, report: Report): Clause | null {
  const ports = portsOf(rule, report);
  if (ports !== undefined && ports.length === 0) return null;
  const peers = peersOf(fleet, direction === "outbound" ? rule.to : rule.from, rule);
  if (peers !== null && peers.length === 0) return null;
  const side = direction === "outbound" ? "to" : "from";
  return { ...(peers === null ? {} : { [side]: peers }), ...(ports === undefined ? {} : { ports }) };
}

function portsOf(rule: NetworkRule, report: Report): Clause["ports"] | undefined {
  return rule.ports?.flatMap((text) => {
    const spec = parsePortSpec(text);
    if (spec === null) return [];
    if (spec.proto === "icmp") {
      report.missing(rule, "a NetworkPolicy can't speak of ICMP");
      return [];
    }
    const protocol = spec.proto.toUpperCase();
    if (spec.kind === "named") return [{ protocol, port: spec.name }];
    if (spec.from === 0 && spec.to === 65535) return [{ protocol }];
    return [
      spec.from === spec.to
        ? { protocol, port: spec.from }
        : { protocol, port: Math.max(spec.from, 1), endPort: spec.to },
    ];
  });
}

/** Null = everybody. What is no single selector is written as addresses of today. */
function peersOf(fleet: Fleet, peer: NetworkRule["to"], rule: NetworkRule): Peer[] | null {
  const { workload, segment, labels, cidr } = peer;
  const factors = [workload, segment, labels, cidr, peer.unmanaged, peer.internet].filter(
    (one) => one !== undefined,
  );
  if (factors.length === 0) return null;
  if (factors.length === 1 && labels !== undefined) return [selectorPeer(labels)];
  if (factors.length === 1 && segment !== undefined) {
    const named = listOf(segment);
    return fleet.set.segments
      .filter((one) => named.includes(one.metadata.name))
      .map((one) => selectorPeer(one.spec.workloads));
  }
  if (factors.length === 1 && cidr !== undefined && typeof cidr === "object" && "block" in cidr)
    return [{ ipBlock: { cidr: cidr.block, ...(cidr.except === undefined ? {} : { except: cidr.except }) } }];
  if (factors.length === 1 && cidr !== undefined)
    return listOf(cidr as string | string[]).map((one) => ({ ipBlock: { cidr: one } }));
  const [someone] = fleet.inventory.workloads;
  const ranges = someone === undefined ? [] : (peerRanges(fleet, peer, rule.action, someone) ?? []);
  const { include, exclude } = addressSetOf(ranges);
  return include.map((one) => {
    const except = exclude.filter((other) => other.includes(":") === one.includes(":"));
    return { ipBlock: { cidr: one, ...(except.length === 0 ? {} : { except }) } };
  });
}

function selectorPeer(selector: LabelSelector): Peer {
  const pods = expressionsOf(selector, "");
  const spaces = expressionsOf(selector, NAMESPACE_PREFIX);
  return {
    ...(pods.length === 0 ? {} : { podSelector: { matchExpressions: pods } }),
    namespaceSelector: spaces.length === 0 ? {} : { matchExpressions: spaces },
  };
}

/** Requirements on the namespace's labels (with the prefix) or on the pod's own (without). */
function expressionsOf(selector: LabelSelector, prefix: string): Expression[] {
  return Object.entries(selector)
    .filter(([key]) => key.startsWith(NAMESPACE_PREFIX) === (prefix !== ""))
    .map(([full, requirement]): Expression => {
      const key = full.slice(prefix.length);
      if (typeof requirement === "string") return { key, operator: "In", values: [requirement] };
      if (Array.isArray(requirement)) return { key, operator: "In", values: requirement };
      if ("exists" in requirement) return { key, operator: requirement.exists ? "Exists" : "DoesNotExist" };
      return { key, operator: "NotIn", values: [...listOf(requirement.not)] };
    });
}

/** A DNS label; an imported policy gets its own name back. */
function nameOf(segment: string, space: string): string {
  const own = segment.startsWith(`${space}/`) ? segment.slice(space.length + 1) : segment;
  return (
    own
      .toLowerCase()
      .replace(/[^a-z0-9.-]+/g, "-")
      .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "") || "segment"
  );
}
