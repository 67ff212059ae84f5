import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import {
  exportKubernetes,
  importKubernetes,
  inventoryOf,
  type PolicySet,
  parsePolicy,
  policySetOf,
} from "../src/index.ts";
import { outsideData } from "./outside-data.ts";

// A shared machine may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

const SCHEMA = join(outsideData, "schemas/kubernetes/networkpolicy-networking-v1.strict.schema.json");
const CASES = join(outsideData, "kubernetes-networkpolicy/cyclonus-cases.jsonl.gz");
const missing = [SCHEMA, CASES].filter((one) => !existsSync(one));
const why = missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`;

/** Every form that a rule can take and a NetworkPolicy can say, and some it can't. */
const FORMS = `
apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: web-1, labels: { role: web, tier: front, "app.kubernetes.io/name": shop } }
spec: { addresses: [10.0.1.1, "fd00::1"] }
---
apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: db-1, labels: { role: db } }
spec: { addresses: [10.0.2.1], ports: [{ name: sql, proto: tcp, port: 5432 }] }
---
apiVersion: ringwall.dev/v1
kind: Software
metadata: { name: api }
spec: { anyOf: [{ executable: { path: /usr/bin/api } }] }
---
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: db }
spec: { workloads: { role: [db, cache] }, mode: block }
---
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: web }
spec: { workloads: { role: web }, modes: { outbound: block } }
---
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: forms }
spec:
  rules:
    - { name: named, allow: { from: { segment: web, software: api }, to: { segment: db }, ports: [tcp/sql] } }
    - { name: range, allow: { from: { labels: { tier: front } }, to: { segment: db }, ports: [udp/7000-7005, sctp/9] } }
    - { name: all, allow: { from: { segment: web }, to: { segment: db }, ports: [tcp] } }
    - { name: ping, allow: { to: { segment: db }, ports: [icmp/8] } }
    - { name: cidr, allow: { from: { segment: [web, db] }, to: { cidr: [10.9.0.0/24, "fd09::/64"] }, ports: [udp/53] } }
    - { name: outside, allow: { from: { unmanaged: true }, to: { segment: db }, ports: [tcp/443] } }
    - { name: deny, deny: { from: { unmanaged: true }, to: { segment: db }, ports: [tcp/22] } }
`;

describe.skipIf(missing.length > 0)(`exported NetworkPolicies against the strict schema${why}`, () => {
  const schema = () =>
    new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true }).compile(
      JSON.parse(readFileSync(SCHEMA, "utf8")),
    );

  it("the schema refuses an unknown field and a port of a wrong type, so that a pass means something", () => {
    const validate = schema();
    const [document] = documentsOf(parsed(FORMS));
    expect(validate({ ...document, extra: 1 })).toBe(false);
    expect(validate({ ...document, spec: { podSelector: {}, egress: [{ ports: [{ port: [1] }] }] } })).toBe(
      false,
    );
  });

  it("every form of a rule is valid", () => {
    const validate = schema();
    const documents = documentsOf(parsed(FORMS));
    expect(documents.length).toBeGreaterThanOrEqual(2);
    for (const one of documents) expect(validate(one), problems(validate, one)).toBe(true);
  });

  it("every step of the outside cases is valid after import and export", () => {
    const validate = schema();
    let documents = 0;
    for (const line of gunzipSync(readFileSync(CASES)).toString().trim().split("\n"))
      for (const step of JSON.parse(line).steps)
        for (const one of documentsOf(imported(step.pods, step.policies))) {
          expect(validate(one), problems(validate, one)).toBe(true);
          documents++;
        }
    expect(documents).toBeGreaterThan(115);
  });
});

function problems(validate: { errors?: unknown }, document: unknown): string {
  return `${JSON.stringify(validate.errors)} in ${JSON.stringify(document)}`;
}

function documentsOf(set: PolicySet): readonly Record<string, unknown>[] {
  const inventory = inventoryOf(set.workloads);
  if (!inventory.ok) throw new Error(JSON.stringify(inventory.error));
  return exportKubernetes(set, inventory.value).files.flatMap(({ text }) =>
    parseAllDocuments(text).flatMap((one) => (one.contents === null ? [] : [one.toJS()])),
  );
}

function parsed(text: string): PolicySet {
  const result = parsePolicy([{ file: "forms.yaml", text }]);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

type Pods = Record<string, { namespace: string; ns_labels: object; pod: string; labels: object; ip: string }>;

function imported(pods: Pods, policies: readonly unknown[]): PolicySet {
  const items = [
    ...Object.values(pods).flatMap((one) => [
      { kind: "Namespace", metadata: { name: one.namespace, labels: one.ns_labels } },
      {
        kind: "Pod",
        metadata: { name: one.pod, namespace: one.namespace, labels: one.labels },
        spec: { containers: [{ ports: [{ name: "serve-80-tcp", containerPort: 80 }] }] },
        status: { podIP: one.ip },
      },
    ]),
    ...policies,
  ];
  const result = importKubernetes([{ file: "case.json", text: JSON.stringify({ kind: "List", items }) }]);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return policySetOf(result.value);
}
