import {
  API_VERSION,
  fail,
  type LabelSelector,
  ok,
  type Policy,
  type Problem,
  parsePrefix,
  type Resource,
  type Result,
  type Segment,
  type Workload,
} from "@ringwall/model";
import type { NetworkPolicyObject, PeerObject, PortObject } from "./objects.ts";
import { readManifests } from "./read.ts";
import { both, inSomeNamespace, NAMESPACE_NAME, NAMESPACE_PREFIX, selectorOf } from "./selectors.ts";
import { namespaceOf, workloadsOf } from "./workloads.ts";

/** The segment of every pod, so that the ones no policy selects are governed by nothing instead of observed. */
export const ALL_PODS = "kubernetes";

type ValuesInUse = (key: string) => readonly string[];
type Endpoint = { labels?: LabelSelector; cidr?: { block: string; except?: string[] } };
type Rule = Policy["spec"]["rules"][number];

/** Reads Kubernetes manifests (Namespaces, Pods and what makes them, NetworkPolicies) as resources that decide the same. */
export function importKubernetes(
  files: readonly { readonly file: string; readonly text: string }[],
): Result<readonly Resource[]> {
  const problems: Problem[] = [];
  const manifests = readManifests(files, problems);
  if (problems.length > 0) return fail(problems);
  const workloads = workloadsOf(manifests);
  const valuesInUse = valuesOf(workloads);
  const seen = new Set<string>();
  const resources: Resource[] = [...workloads];
  if (workloads.length > 0) resources.push(segment(ALL_PODS, { [NAMESPACE_NAME]: { exists: true } }, {}));
  for (const policy of manifests.policies) {
    const name = `${namespaceOf(policy.metadata)}/${policy.metadata.name}`;
    if (seen.has(name)) problems.push(twice(name));
    seen.add(name);
    resources.push(...policyResources(name, policy, valuesInUse));
  }
  return problems.length > 0 ? fail(problems) : ok(resources);
}

function policyResources(
  name: string,
  { metadata, spec }: NetworkPolicyObject,
  inUse: ValuesInUse,
): readonly Resource[] {
  const types = typesOf(spec);
  const space = namespaceOf(metadata);
  const selected = both(selectorOf(spec.podSelector ?? {}, "", inUse), { [NAMESPACE_NAME]: space });
  const modes: Segment["spec"]["modes"] = {
    ...(types.includes("Ingress") ? { inbound: "block" } : {}),
    ...(types.includes("Egress") ? { outbound: "block" } : {}),
  };
  const ingress = types.includes("Ingress") ? (spec.ingress ?? []) : [];
  const egress = types.includes("Egress") ? (spec.egress ?? []) : [];
  const rules = [
    ...ingress.flatMap(({ from, ports }, i) =>
      peersOf(from, space, inUse).map(
        (peer, j): Rule => ({
          name: `ingress ${i + 1} from ${j + 1}`,
          allow: {
            ...(peer === null ? {} : { from: peer }),
            to: { segment: name },
            ...portsOf(ports),
            at: "destination",
          },
        }),
      ),
    ),
    ...egress.flatMap(({ to, ports }, i) =>
      peersOf(to, space, inUse).map(
        (peer, j): Rule => ({
          name: `egress ${i + 1} to ${j + 1}`,
          allow: {
            from: { segment: name },
            ...(peer === null ? {} : { to: peer }),
            ...portsOf(ports),
            at: "source",
          },
        }),
      ),
    ),
  ];
  const policy: Policy = { apiVersion: API_VERSION, kind: "Policy", metadata: { name }, spec: { rules } };
  return [segment(name, selected, modes), ...(rules.length > 0 ? [policy] : [])];
}

/** The API server's defaults: an empty list is as good as none, and egress counts only where there are rules for it. */
function typesOf({ policyTypes, egress }: NetworkPolicyObject["spec"]): readonly string[] {
  if (policyTypes != null && policyTypes.length > 0) return policyTypes;
  return egress != null && egress.length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
}

function segment(
  name: string,
  workloads: LabelSelector,
  modes: NonNullable<Segment["spec"]["modes"]>,
): Segment {
  return {
    apiVersion: API_VERSION,
    kind: "Segment",
    metadata: { name },
    spec: { workloads, modes, loopback: "enforce" },
  };
}

/** Null = everybody: no list, or an empty one. */
function peersOf(
  peers: readonly PeerObject[] | null | undefined,
  space: string,
  inUse: ValuesInUse,
): readonly (Endpoint | null)[] {
  if (peers === null || peers === undefined || peers.length === 0) return [null];
  return peers.map(({ podSelector, namespaceSelector, ipBlock }) => {
    if (ipBlock !== null && ipBlock !== undefined) {
      const except = (ipBlock.except ?? []).map(withoutHostBits);
      return {
        cidr: { block: withoutHostBits(ipBlock.cidr), ...(except.length === 0 ? {} : { except }) },
      };
    }
    const pods = selectorOf(podSelector ?? {}, "", inUse);
    const spaces =
      namespaceSelector === null || namespaceSelector === undefined
        ? { [NAMESPACE_NAME]: space }
        : selectorOf(namespaceSelector, NAMESPACE_PREFIX, inUse);
    // Pods only: an address that no pod has is in no namespace.
    return { labels: inSomeNamespace(both(spaces, pods), inUse) };
  });
}

/** Kubernetes takes `10.0.0.5/24` for `10.0.0.0/24`. What is no block is left for the schema to refuse. */
function withoutHostBits(cidr: string): string {
  const prefix = parsePrefix(cidr);
  return "fault" in prefix && prefix.fault === "host-bits" ? prefix.meant : cidr;
}

/** No list, or an empty one, is every protocol and port. */
function portsOf(ports: readonly PortObject[] | null | undefined): { ports?: string[] } {
  if (ports === null || ports === undefined || ports.length === 0) return {};
  return {
    ports: ports.map(({ protocol, port, endPort }) => {
      const proto = (protocol ?? "TCP").toLowerCase();
      if (port === null || port === undefined) return proto;
      if (typeof port === "string") return `${proto}/${port.toLowerCase()}`;
      return endPort === null || endPort === undefined ? `${proto}/${port}` : `${proto}/${port}-${endPort}`;
    }),
  };
}

function valuesOf(workloads: readonly Workload[]): ValuesInUse {
  const values = new Map<string, Set<string>>();
  for (const { metadata } of workloads)
    for (const [key, value] of Object.entries(metadata.labels ?? {})) {
      const known = values.get(key) ?? new Set();
      values.set(key, known.add(value));
    }
  return (key) => [...(values.get(key) ?? [])].sort();
}

function twice(name: string): Problem {
  return {
    code: "duplicate-name",
    severity: "error",
    message: `two NetworkPolicies are named \`${name}\``,
    fix: "import one of them",
  };
}
