import type { Workload } from "@ringwall/model";
import { expect, test } from "vitest";
import { inventoryOf } from "../policy-set/inventory.ts";
import { policySetOf } from "../policy-set/policy-set.ts";
import { decide } from "./decide.ts";

const host = (name: string, ip: string): Workload => ({
  apiVersion: "ringwall.dev/v1",
  kind: "Workload",
  metadata: { name },
  spec: { addresses: [ip], management: "agent" },
});

test("a segment selects workloads that nobody labelled by the implied label ringwall.dev/name", () => {
  const set = policySetOf([
    {
      apiVersion: "ringwall.dev/v1",
      kind: "Segment",
      metadata: { name: "db" },
      spec: { workloads: { "ringwall.dev/name": ["shop.db-1"] }, mode: "block" },
    },
  ]);
  const inventory = inventoryOf([host("shop/db-1", "10.0.0.1"), host("web", "10.0.0.2")]);
  if (!inventory.ok) throw new Error("bug: the inventory is fine");
  const verdict = decide(set, inventory.value, {
    proto: "tcp",
    port: 5432,
    src: { workload: "web" },
    dst: { workload: "shop/db-1" },
  });
  expect(verdict.ok && verdict.value.inbound?.outcome).toBe("blocked");
  expect(verdict.ok && verdict.value.outbound?.outcome).toBe("would-block");
});

test("a key that every object inherits is no label", () => {
  const set = policySetOf([
    {
      apiVersion: "ringwall.dev/v1",
      kind: "Segment",
      metadata: { name: "odd" },
      spec: { workloads: { constructor: { exists: true } }, mode: "block" },
    },
  ]);
  const inventory = inventoryOf([host("db", "10.0.0.1"), host("web", "10.0.0.2")]);
  if (!inventory.ok) throw new Error("bug: the inventory is fine");
  const ends = { src: { workload: "web" }, dst: { workload: "db" } };
  const verdict = decide(set, inventory.value, { proto: "tcp", port: 80, ...ends });
  expect(verdict.ok && verdict.value.inbound?.mode).toBe("observe");
});
