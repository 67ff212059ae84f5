import { API_VERSION, parseAddress, type Workload } from "@ringwall/model";
import type { MetadataObject, PodObject, TemplateObject } from "./objects.ts";
import type { Manifests } from "./read.ts";
import { matchesLabels, NAMESPACE_NAME, NAMESPACE_PREFIX } from "./selectors.ts";

type Containers = TemplateObject["spec"];
type Draft = {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly addresses: Set<string>;
  readonly ports: Map<string, NonNullable<Workload["spec"]["ports"]>[number]>;
};

export function namespaceOf(metadata: MetadataObject): string {
  return metadata.namespace ?? "default";
}

/**
 * `NAMESPACE/POD`, or the owner's name. Pods of one owner are one workload, with the labels of the first, unless a
 * selector in these manifests tells them apart: then the others keep their own names.
 */
export function workloadsOf(manifests: Manifests): readonly Workload[] {
  const drafts = new Map<string, Draft>();
  const toldApart = distinguisher(manifests);
  const add = (owner: string, own: string, labels: Record<string, string>): Draft => {
    const fresh = (name: string): Draft => ({ name, labels, addresses: new Set(), ports: new Map() });
    const known = drafts.get(owner);
    const same = known === undefined || !toldApart(known.labels, labels);
    const name = same ? owner : own;
    const draft = drafts.get(name) ?? fresh(name);
    drafts.set(name, draft);
    return draft;
  };
  const labelsOf = labelsIn(manifests);
  for (const { metadata, template } of manifests.controllers) {
    const name = `${namespaceOf(metadata)}/${metadata.name}`;
    const draft = add(name, `${name}-2`, labelsOf(metadata, template.metadata?.labels));
    addPorts(draft, template.spec);
  }
  for (const pod of manifests.pods) {
    const space = namespaceOf(pod.metadata);
    const owner = ownerOf(pod.metadata) ?? pod.metadata.name;
    const labels = labelsOf(pod.metadata, pod.metadata.labels);
    const draft = add(`${space}/${owner}`, `${space}/${pod.metadata.name}`, labels);
    addPorts(draft, pod.spec);
    for (const address of addressesOf(pod)) draft.addresses.add(address);
  }
  return [...drafts.values()].map(workloadOf);
}

/** A node owns the static pods that run on it; they have nothing else in common. */
function ownerOf({ ownerReferences }: MetadataObject): string | undefined {
  const owner = ownerReferences?.find(({ controller }) => controller === true) ?? ownerReferences?.[0];
  return owner?.kind === "Node" ? undefined : owner?.name;
}

/** Would any policy here take two sets of labels for different pods? */
function distinguisher({ policies }: Manifests) {
  const selectors = policies.flatMap(({ spec }) => {
    const peers = [
      ...(spec.ingress ?? []).flatMap(({ from }) => from ?? []),
      ...(spec.egress ?? []).flatMap(({ to }) => to ?? []),
    ];
    return [spec.podSelector ?? {}, ...peers.map(({ podSelector }) => podSelector ?? {})];
  });
  return (a: Record<string, string>, b: Record<string, string>): boolean =>
    selectors.some((selector) => matchesLabels(selector, a) !== matchesLabels(selector, b));
}

/** A pod's own labels, and its namespace's under their prefix. */
function labelsIn(manifests: Manifests) {
  const spaces = new Map(manifests.namespaces.map((one) => [one.metadata.name, one.metadata.labels ?? {}]));
  return (metadata: MetadataObject, own: MetadataObject["labels"]): Record<string, string> => {
    const space = namespaceOf(metadata);
    const inherited = Object.entries(spaces.get(space) ?? {}).map(
      ([key, value]) => [`${NAMESPACE_PREFIX}${key}`, value] as const,
    );
    // A pod can't say by a label of its own that it is elsewhere.
    const all: Record<string, string> = {
      ...own,
      ...Object.fromEntries(inherited),
      [NAMESPACE_NAME]: space,
    };
    return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
}

function addPorts(draft: Draft, containers: Containers | PodObject["spec"]): void {
  for (const { ports } of containers?.containers ?? [])
    for (const { name, containerPort, protocol } of ports ?? []) {
      if (typeof name !== "string" || typeof containerPort !== "number") continue;
      const proto = protocol === "UDP" ? "udp" : protocol === "SCTP" ? "sctp" : "tcp";
      draft.ports.set(`${name} ${proto} ${containerPort}`, {
        name: name.toLowerCase(),
        proto,
        port: containerPort,
      });
    }
}

function addressesOf(pod: PodObject): readonly string[] {
  const all = [pod.status?.podIP, ...(pod.status?.podIPs ?? []).map(({ ip }) => ip)];
  return all.filter((one) => typeof one === "string").filter((one) => parseAddress(one) !== null);
}

function workloadOf({ name, labels, addresses, ports }: Draft): Workload {
  return {
    apiVersion: API_VERSION,
    kind: "Workload",
    metadata: { name, labels },
    spec: { addresses: [...addresses], ...(ports.size === 0 ? {} : { ports: [...ports.values()] }) },
  };
}
