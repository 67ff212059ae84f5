import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Attempt } from "@ringwall/model";
import { describe, expect, it, vi } from "vitest";
import { createDecider, importKubernetes, inventoryOf, policySetOf } from "../src/index.ts";
import { hasOutsideData, outsideData } from "./outside-data.ts";

// A shared machine may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

type Query = [
  from: string,
  to: string,
  protocol: string,
  port: number,
  combined: string,
  ingress: string,
  egress: string,
];
type Pod = {
  namespace: string;
  ns_labels: Record<string, string>;
  pod: string;
  labels: Record<string, string>;
  ip: string;
};
type Case = {
  readonly index: number;
  readonly description: string;
  readonly steps: readonly {
    readonly pods: Record<string, Pod>;
    readonly policies: readonly unknown[];
    readonly queries: readonly Query[];
  }[];
};

/** Every pod of these cases serves 80 and 81 on each protocol. */
const PORTS = [80, 81].flatMap((port) =>
  (["TCP", "UDP", "SCTP"] as const).map((protocol) => ({
    name: `serve-${port}-${protocol.toLowerCase()}`,
    containerPort: port,
    protocol,
  })),
);

describe.skipIf(!hasOutsideData)("cyclonus cases (needs the outside cases)", () => {
  it("are decided as a cluster would decide them, in all three verdicts", () => {
    const file = readFileSync(join(outsideData, "kubernetes-networkpolicy/cyclonus-cases.jsonl.gz"));
    const cases = gunzipSync(file)
      .toString()
      .trim()
      .split("\n")
      .map((line): Case => JSON.parse(line));
    let queries = 0;
    const wrong: string[] = [];
    for (const one of cases)
      for (const step of one.steps)
        for (const query of step.queries) {
          queries++;
          const got = verdictsOf(step, query);
          if (got.join() !== query.slice(4).join())
            wrong.push(`${one.index} ${one.description}: ${query} but ${got}`);
        }
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(cases.length).toBe(115);
    expect(queries).toBeGreaterThan(50_000);
  });
});

const deciders = new WeakMap<Case["steps"][number], ReturnType<typeof createDecider>>();

function verdictsOf(step: Case["steps"][number], [from, to, protocol, port]: Query): readonly string[] {
  const decider = deciders.get(step) ?? deciderOf(step);
  deciders.set(step, decider);
  const proto = protocol.toLowerCase() as Attempt["proto"]; // tcp, udp or sctp in these cases
  const verdict = decider.decide({ proto, port, src: { workload: from }, dst: { workload: to } });
  if (!verdict.ok) throw new Error(JSON.stringify(verdict.error));
  const { outcome, inbound, outbound } = verdict.value;
  return [outcome === "allowed", inbound?.decision === "allow", outbound?.decision === "allow"].map((one) =>
    one ? "allowed" : "blocked",
  );
}

function deciderOf(step: Case["steps"][number]) {
  const pods = Object.values(step.pods);
  const namespaces = new Map(pods.map((pod) => [pod.namespace, pod.ns_labels]));
  const items = [
    ...[...namespaces].map(([name, labels]) => ({ kind: "Namespace", metadata: { name, labels } })),
    ...pods.map((pod) => ({
      kind: "Pod",
      metadata: { name: pod.pod, namespace: pod.namespace, labels: pod.labels },
      spec: { containers: [{ ports: PORTS }] },
      status: { podIP: pod.ip },
    })),
    ...step.policies,
  ];
  const imported = importKubernetes([{ file: "case.json", text: JSON.stringify({ kind: "List", items }) }]);
  if (!imported.ok) throw new Error(JSON.stringify(imported.error));
  const set = policySetOf(imported.value);
  const inventory = inventoryOf(set.workloads);
  if (!inventory.ok) throw new Error(JSON.stringify(inventory.error));
  return createDecider(set, inventory.value, { nearest: false });
}
