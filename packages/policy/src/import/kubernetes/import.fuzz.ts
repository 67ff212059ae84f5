import { type Attempt, parseAddress, prefixContains, prefixOrUndefined } from "@ringwall/model";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createDecider } from "../../decider/decider.ts";
import { inventoryOf } from "../../policy-set/inventory.ts";
import { policySetOf } from "../../policy-set/policy-set.ts";
import { formatResources } from "../../syntax/format.ts";
import { parsePolicy } from "../../syntax/parse.ts";
import { importKubernetes } from "./import.ts";

/** What Kubernetes' documentation and the API server's defaults say of a NetworkPolicy, as short as it goes. */

type Labels = Readonly<Record<string, string>>;
type Expression = {
  key: string;
  operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  values?: string[] | undefined;
};
type Selector = { matchLabels?: Labels | undefined; matchExpressions?: Expression[] | undefined };
type Peer = {
  podSelector?: Selector | undefined;
  namespaceSelector?: Selector | undefined;
  ipBlock?: { cidr: string; except?: string[] | undefined };
};
type Port = {
  protocol?: string | undefined;
  port?: number | string | undefined;
  endPort?: number | undefined;
  name?: string | undefined;
};
type Rule = { peers?: Peer[] | undefined; ports?: Port[] | undefined };
type NetworkPolicy = {
  namespace?: string | undefined;
  podSelector: Selector;
  policyTypes?: string[] | undefined;
  ingress?: Rule[] | undefined;
  egress?: Rule[] | undefined;
};
type Pod = { name: string; namespace?: string | undefined; labels: Labels; ip: string; serves: Port[] };
type Query = { proto: string; port: number };

const NAMESPACES: Readonly<Record<string, Labels>> = {
  default: {},
  x: { ns: "x", tier: "1" },
  y: { ns: "y" },
};
const PODS: readonly Omit<Pod, "serves">[] = [
  { name: "a", namespace: "x", labels: { pod: "a", tier: "1" }, ip: "10.0.1.1" },
  { name: "b", namespace: "x", labels: { pod: "b" }, ip: "10.0.1.2" },
  { name: "a", namespace: "y", labels: { pod: "a" }, ip: "10.0.2.1" },
  { name: "c", namespace: "y", labels: {}, ip: "fd00:2::3" },
  { name: "d", labels: { pod: "b", tier: "2" }, ip: "10.0.0.4" },
];
const OUTSIDE = ["8.8.8.8", "10.0.1.9", "2001:db8::1"];
const BLOCKS = [
  "10.0.0.0/16",
  "10.0.1.0/24",
  "10.0.1.1/32",
  "0.0.0.0/0",
  "::/0",
  "fd00:2::/64",
  "10.0.1.7/24",
];
const RUNS = 150;

const some = <T>(...values: T[]) => fc.constantFrom(...values);
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const key = some("pod", "ns", "tier");
const value = some("a", "b", "x", "1", "2");
const selector: fc.Arbitrary<Selector> = fc.record({
  matchLabels: maybe(fc.dictionary(key, value, { maxKeys: 1 })),
  matchExpressions: maybe(
    fc.array(
      fc.oneof(
        fc.record({
          key,
          operator: some("In" as const, "NotIn" as const),
          values: fc.uniqueArray(value, { minLength: 1, maxLength: 2 }),
        }),
        fc.record({ key, operator: some("Exists" as const, "DoesNotExist" as const) }),
      ),
      { maxLength: 2 },
    ),
  ),
});
const spaceSelector = fc.oneof(
  selector,
  fc.constant<Selector>({
    matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["x"] }],
  }),
  some("x", "y").map((name): Selector => ({ matchLabels: { "kubernetes.io/metadata.name": name } })),
);
const peer: fc.Arbitrary<Peer> = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector: spaceSelector }),
  fc.record({ podSelector: selector, namespaceSelector: spaceSelector }),
  fc
    .tuple(
      fc.nat(BLOCKS.length - 1),
      maybe(fc.subarray(["10.0.1.0/28", "10.0.1.2/32", "fd00:2::3/128"], { minLength: 1 })),
    )
    .map(([i, except]): Peer => {
      const cidr = BLOCKS[i] ?? "";
      const inside = except?.filter((one) => one.includes(":") === cidr.includes(":"));
      return {
        ipBlock: { cidr, ...(inside === undefined || inside.length === 0 ? {} : { except: inside }) },
      };
    }),
);
const port: fc.Arbitrary<Port> = fc
  .record({
    protocol: maybe(some("TCP", "UDP", "SCTP")),
    port: maybe(some<number | string>(80, 81, 443, "web", "dns")),
    endPort: maybe(some(81, 90, 500)),
  })
  .map(({ endPort, ...rest }) =>
    typeof rest.port === "number" && endPort !== undefined && endPort >= rest.port
      ? { ...rest, endPort }
      : rest,
  );
const rule: fc.Arbitrary<Rule> = fc.record({
  peers: maybe(fc.array(peer, { maxLength: 2 })),
  ports: maybe(fc.array(port, { maxLength: 2 })),
});
const policy: fc.Arbitrary<NetworkPolicy> = fc.record({
  namespace: some(undefined, "x", "y"),
  podSelector: selector,
  policyTypes: maybe(fc.subarray(["Ingress", "Egress"])),
  ingress: maybe(fc.array(rule, { maxLength: 2 })),
  egress: maybe(fc.array(rule, { maxLength: 2 })),
});
const serves = fc.array(
  fc.record({ port: some(80, 81, 90), protocol: some("TCP", "UDP"), name: some("web", "dns") }),
  {
    maxLength: 2,
  },
);

it("imported policies decide every pair, port and direction as Kubernetes does", () => {
  let allowed = 0;
  let denied = 0;
  fc.assert(
    fc.property(
      fc.array(policy, { minLength: 1, maxLength: 3 }),
      fc.array(serves, { minLength: PODS.length, maxLength: PODS.length }),
      (policies, ports) => {
        const pods = PODS.map((one, i): Pod => ({ ...one, serves: ports[i] ?? [] }));
        const decide = deciderOf(policies, pods);
        const ends = [...pods, ...OUTSIDE];
        for (const src of ends)
          for (const dst of ends)
            for (const query of queries) {
              const { inbound, outbound } = decide(src, dst, query);
              const expected = {
                inbound: typeof dst === "string" ? null : permits(policies, "Ingress", dst, src, dst, query),
                outbound: typeof src === "string" ? null : permits(policies, "Egress", src, dst, dst, query),
              };
              if (expected.inbound === false) denied++;
              if (expected.inbound === true) allowed++;
              expect({ inbound, outbound, src, dst, query }).toEqual({ ...expected, src, dst, query });
            }
      },
    ),
    { numRuns: RUNS },
  );
  expect(Math.min(allowed, denied) / (allowed + denied)).toBeGreaterThan(0.05);
});

const queries: readonly Query[] = ["TCP", "UDP", "SCTP"].flatMap((proto) =>
  [80, 81, 90, 443].map((at) => ({ proto, port: at })),
);

function permits(
  policies: readonly NetworkPolicy[],
  type: "Ingress" | "Egress",
  self: Pod,
  other: Pod | string,
  dst: Pod | string,
  query: Query,
): boolean {
  const selecting = policies.filter(
    (one) =>
      spaceOf(one) === spaceOf(self) && matches(one.podSelector, self.labels) && typesOf(one).includes(type),
  );
  if (selecting.length === 0) return true;
  return selecting.some((one) =>
    ((type === "Ingress" ? one.ingress : one.egress) ?? []).some(
      ({ peers = [], ports = [] }) =>
        (peers.length === 0 || peers.some((p) => isPeer(p, spaceOf(one), other))) &&
        (ports.length === 0 || ports.some((p) => isPort(p, dst, query))),
    ),
  );
}

/** The API server's defaults: Ingress always, Egress where there are rules for it. */
function typesOf({ policyTypes = [], egress = [] }: NetworkPolicy): readonly string[] {
  if (policyTypes.length > 0) return policyTypes;
  return egress.length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
}

function isPeer(
  { podSelector, namespaceSelector, ipBlock }: Peer,
  space: string,
  end: Pod | string,
): boolean {
  if (ipBlock !== undefined) {
    const ip = typeof end === "string" ? end : end.ip;
    return inBlock(ipBlock.cidr, ip) && !(ipBlock.except ?? []).some((block) => inBlock(block, ip));
  }
  if (typeof end === "string") return false;
  const labels = { ...NAMESPACES[spaceOf(end)], "kubernetes.io/metadata.name": spaceOf(end) };
  const inSpace =
    namespaceSelector === undefined ? spaceOf(end) === space : matches(namespaceSelector, labels);
  return inSpace && matches(podSelector ?? {}, end.labels);
}

function isPort({ protocol = "TCP", port: wanted, endPort }: Port, dst: Pod | string, query: Query): boolean {
  if (protocol !== query.proto) return false;
  if (wanted === undefined) return true;
  if (typeof wanted === "number") return query.port >= wanted && query.port <= (endPort ?? wanted);
  if (typeof dst === "string") return false;
  return dst.serves.some(
    (one) => one.name === wanted && one.protocol === query.proto && one.port === query.port,
  );
}

function matches({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  if (!Object.entries(matchLabels).every(([name, wanted]) => labels[name] === wanted)) return false;
  return matchExpressions.every(({ key: name, operator, values = [] }) => {
    const own = labels[name];
    if (operator === "Exists") return own !== undefined;
    if (operator === "DoesNotExist") return own === undefined;
    const listed = own !== undefined && values.includes(own);
    return operator === "In" ? listed : !listed;
  });
}

/** Kubernetes cuts host bits off. */
function inBlock(cidr: string, ip: string): boolean {
  const prefix = prefixOrUndefined(cidr === "10.0.1.7/24" ? "10.0.1.0/24" : cidr);
  const address = parseAddress(ip);
  return prefix !== undefined && address !== null && prefixContains(prefix, address);
}

function spaceOf({ namespace }: { readonly namespace?: string | undefined }): string {
  return namespace ?? "default";
}

/** Through the text of the imported resources, as the commands would. */
function deciderOf(policies: readonly NetworkPolicy[], pods: readonly Pod[]) {
  const manifests = [
    ...Object.entries(NAMESPACES).map(([name, labels]) => ({
      kind: "Namespace",
      metadata: { name, labels },
    })),
    ...pods.map(({ name, namespace, labels, ip, serves: own }) => ({
      kind: "Pod",
      metadata: { name, namespace, labels },
      spec: {
        containers: [{ ports: own.map(({ port: containerPort, ...rest }) => ({ containerPort, ...rest })) }],
      },
      status: { podIP: ip },
    })),
    ...policies.map(({ namespace, ingress, egress, ...spec }, i) => ({
      kind: "NetworkPolicy",
      metadata: { name: `p${i}`, namespace },
      spec: {
        ...spec,
        ...(ingress && { ingress: ingress.map(({ peers: from, ports }) => ({ from, ports })) }),
        ...(egress && { egress: egress.map(({ peers: to, ports }) => ({ to, ports })) }),
      },
    })),
  ];
  const imported = importKubernetes([
    { file: "case.json", text: JSON.stringify({ kind: "List", items: manifests }) },
  ]);
  if (!imported.ok) throw new Error(JSON.stringify(imported.error));
  const parsed = parsePolicy([{ file: "imported.yaml", text: formatResources(imported.value) }]);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const inventory = inventoryOf(parsed.value.workloads);
  if (!inventory.ok) throw new Error(JSON.stringify(inventory.error));
  const decider = createDecider(policySetOf(imported.value), inventory.value, { nearest: false });
  const endOf = (end: Pod | string): Attempt["src"] =>
    typeof end === "string" ? { ip: end } : { workload: `${spaceOf(end)}/${end.name}` };
  return (src: Pod | string, dst: Pod | string, query: Query) => {
    const proto = query.proto.toLowerCase() as Attempt["proto"]; // one of the three
    const verdict = decider.decide({ proto, port: query.port, src: endOf(src), dst: endOf(dst) });
    if (!verdict.ok) throw new Error(JSON.stringify(verdict.error));
    const answer = (end: { decision: string } | null) => (end === null ? null : end.decision === "allow");
    return { inbound: answer(verdict.value.inbound), outbound: answer(verdict.value.outbound) };
  };
}
