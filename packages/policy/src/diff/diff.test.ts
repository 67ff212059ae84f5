import { expect, it, vi } from "vitest";
import { inventoryOf } from "../policy-set/inventory.ts";
import { parsePolicy } from "../syntax/parse.ts";
import { diffPolicies } from "./diff.ts";

// A shared machine may be busy with other things.
vi.setConfig({ testTimeout: 120_000 });

const world = (rule: string) => {
  const text = `
apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: web-1, labels: { role: web } }
spec: { addresses: [10.0.0.1] }
---
apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: web-2, labels: { role: web } }
spec: { addresses: [10.0.0.2] }
---
apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: db-1, labels: { role: db } }
spec: { addresses: [10.0.0.3] }
---
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: all }
spec: { workloads: {}, modes: { inbound: block, outbound: block } }
---
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: p }
spec: { rules: [${rule}] }
`;
  const parsed = parsePolicy([{ file: "t.yaml", text }]);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const inventory = inventoryOf(parsed.value.workloads);
  if (!inventory.ok) throw new Error("bug: names are distinct");
  return { set: parsed.value, inventory: inventory.value };
};
const rule = (name: string, ports: string) =>
  `{ name: ${name}, allow: { from: { labels: { role: web } }, to: { labels: { role: db } }, ports: [${ports}] } }`;

it("a policy that says the same in other words is no change", () => {
  const { changes } = diffPolicies(
    world(rule("a", "tcp/1-10")),
    world(`${rule("b", "tcp/1-4")}, ${rule("c", "tcp/5-10")}`),
  );
  expect(changes).toEqual([]);
});

it("a change names all the workloads, the ports, and both deciding rules", () => {
  const { changes } = diffPolicies(world(rule("a", "tcp/1-10")), world(rule("a", "tcp/1-8, udp/53")));
  expect(
    changes.map(({ becomes, src, dst, proto, from, to, before, after }) => [
      becomes,
      src,
      dst,
      proto,
      from,
      to,
      before,
      after,
    ]),
  ).toEqual([
    ["denied", ["web-1", "web-2"], ["db-1"], "tcp", 9, 10, "p/a", "default"],
    ["allowed", ["web-1", "web-2"], ["db-1"], "udp", 53, 53, "default", "p/a"],
  ]);
});
