import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Attempt, Resource } from "@ringwall/model";
import { describe, expect, it, vi } from "vitest";
import {
  createDecider,
  ESSENTIAL_NONE,
  exportKubernetes,
  exportNftables,
  exportTerraform,
  importKubernetes,
  inventoryOf,
  type PolicySet,
  parsePolicy,
  policySetOf,
} from "../src/index.ts";
import { hasOutsideData, outsideData } from "./outside-data.ts";

// A shared machine may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

const SHOP = `
apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: web-1, labels: { role: web } }
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
spec: { workloads: { role: db }, mode: block }
---
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: web }
spec: { workloads: { role: web }, modes: { outbound: block } }
---
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: shop }
spec:
  rules:
    - { name: read, allow: { from: { segment: web, software: api }, to: { segment: db }, ports: [tcp/sql] } }
    - { name: ping, allow: { to: { segment: db }, ports: [icmp/8] } }
    - { name: resolve, allow: { from: { segment: [web, db] }, to: { cidr: [10.9.0.0/24, "fd09::/64"] }, ports: [udp/53, tcp/53] } }
    - { name: no outside, deny: { from: { unmanaged: true }, to: { segment: db } }, enforcement: immediate }
`;

const shop = parsePolicy([{ file: "shop.yaml", text: SHOP }]);
if (!shop.ok) throw new Error(JSON.stringify(shop.error));

describe("exports", () => {
  it("say of each rule how much of it a target holds", () => {
    const { fidelity } = exportKubernetes(...world(shop.value.workloads, shop.value));
    expect(fidelity.map(({ rule, fidelity, widerPairs }) => [rule, fidelity, widerPairs])).toEqual([
      ["shop/no outside", "not expressible", 65536],
      ["shop/ping", "not expressible", 0],
      ["shop/read", "wider", 2],
      ["shop/resolve", "exact", 0],
    ]);
  });

  it("write rulesets that nft accepts", (context) => {
    if (!hasNft()) context.skip("nft is not installed here");
    const [set, inventory] = world(shop.value.workloads, shop.value);
    const exported = exportNftables(set, inventory, {
      revision: 1,
      essential: ESSENTIAL_NONE,
      proof: "unavailable",
      nowMs: 0,
    });
    if (!exported.ok) throw new Error(JSON.stringify(exported.error));
    const folder = mkdtempSync(join(tmpdir(), "ringwall-nft-"));
    try {
      for (const { path, text } of exported.value.files) {
        writeFileSync(join(folder, path), text);
        // A namespace of its own, so that the kernel itself reads the rules and nothing here changes.
        execFileSync("unshare", ["--net", "nft", "-f", join(folder, path)], { encoding: "utf8" });
      }
      expect(exported.value.files.map(({ path }) => path)).toEqual(["db-1.nft", "web-1.nft"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.skipIf(!hasOutsideData)(
    "write Terraform that the provider's schema knows (needs the outside cases)",
    () => {
      const schema = JSON.parse(
        readFileSync(join(outsideData, "schemas/terraform/aws-5.100.0-security-group.schema.json"), "utf8"),
      );
      const [file] = exportTerraform(...world(shop.value.workloads, shop.value)).files;
      const { resource } = JSON.parse(file?.text ?? "{}");
      for (const [type, all] of Object.entries<Record<string, Record<string, unknown>>>(resource)) {
        const { attributes } = schema.resource_schemas[type].block;
        for (const one of Object.values(all)) {
          for (const [key, value] of Object.entries(one)) {
            expect(attributes).toHaveProperty(key);
            expect(typeof value).toBe(attributes[key].type === "bool" ? "boolean" : attributes[key].type);
          }
          for (const [key, { required }] of Object.entries<{ required?: boolean }>(attributes))
            if (required) expect(one).toHaveProperty(key);
        }
      }
    },
  );

  it.skipIf(!hasOutsideData)(
    "to Kubernetes and back give the same verdict for every pair and port (needs the outside cases)",
    () => {
      const file = readFileSync(join(outsideData, "kubernetes-networkpolicy/cyclonus-cases.jsonl.gz"));
      let compared = 0;
      for (const line of gunzipSync(file).toString().trim().split("\n"))
        for (const step of JSON.parse(line).steps) compared += compareRoundTrip(step.pods, step.policies);
      expect(compared).toBeGreaterThan(10_000);
    },
    60_000,
  );
});

type Pods = Record<string, { namespace: string; ns_labels: object; pod: string; labels: object; ip: string }>;

function compareRoundTrip(pods: Pods, policies: readonly unknown[]): number {
  const manifests = [
    ...Object.values(pods).map((one) => ({
      kind: "Namespace",
      metadata: { name: one.namespace, labels: one.ns_labels },
    })),
    ...Object.values(pods).map((one) => ({
      kind: "Pod",
      metadata: { name: one.pod, namespace: one.namespace, labels: one.labels },
      spec: { containers: [{ ports: [{ name: "serve-80-tcp", containerPort: 80 }] }] },
      status: { podIP: one.ip },
    })),
  ];
  const before = imported([...manifests, ...policies]);
  const [exported] = exportKubernetes(...world(before.workloads, before)).files;
  const list = { file: "pods.json", text: JSON.stringify({ kind: "List", items: manifests }) };
  const again = importKubernetes([list, { file: "np.yaml", text: exported?.text ?? "" }]);
  if (!again.ok) throw new Error(JSON.stringify(again.error));
  const after = policySetOf(again.value);
  const [a, b] = [before, after].map((set) =>
    createDecider(...world(set.workloads, set), { nearest: false }),
  );
  let compared = 0;
  for (const src of before.workloads)
    for (const dst of [
      ...before.workloads.map((one) => ({ workload: one.metadata.name })),
      { ip: "8.8.8.8" },
    ])
      for (const [proto, port] of [
        ["tcp", 80],
        ["tcp", 81],
        ["udp", 80],
        ["sctp", 81],
      ] as const) {
        const attempt: Attempt = { proto, port, src: { workload: src.metadata.name }, dst };
        const outcomes = [a, b].map((one) => {
          const verdict = one?.decide(attempt);
          return verdict?.ok === true
            ? [verdict.value.outbound?.decision, verdict.value.inbound?.decision].join()
            : "error";
        });
        expect(outcomes[1], JSON.stringify(attempt)).toBe(outcomes[0]);
        compared++;
      }
  return compared;
}

function imported(items: readonly unknown[]): PolicySet {
  const result = importKubernetes([{ file: "case.json", text: JSON.stringify({ kind: "List", items }) }]);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return policySetOf(result.value);
}

function world(workloads: readonly Extract<Resource, { kind: "Workload" }>[], set: PolicySet) {
  const inventory = inventoryOf(workloads);
  if (!inventory.ok) throw new Error(JSON.stringify(inventory.error));
  return [set, inventory.value] as const;
}

function hasNft(): boolean {
  try {
    execFileSync("nft", ["--version"]);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}
