import type { Flow } from "@ringwall/model";
import { API_VERSION } from "@ringwall/model";
import { expect, test } from "vitest";
import { inventoryOf } from "../policy-set/inventory.ts";
import { policySetOf } from "../policy-set/policy-set.ts";
import { createSimulation } from "./simulate.ts";
import { EDGES_MAX } from "./simulation.ts";

const STRANGERS = EDGES_MAX + 500;

test("edges beyond the listed ones are counted as dropped, and listed ones go on being counted", () => {
  const inventory = inventoryOf([
    {
      apiVersion: API_VERSION,
      kind: "Workload",
      metadata: { name: "db" },
      spec: { addresses: ["10.0.0.1"] },
    },
  ]);
  if (!inventory.ok) throw new Error("bug: names are distinct");
  const segment = {
    apiVersion: API_VERSION,
    kind: "Segment",
    metadata: { name: "all" },
    spec: { workloads: {}, modes: { inbound: "block" } },
  } as const;
  const play = createSimulation(policySetOf([segment]), inventory.value);
  const from = (i: number, port: number): Flow => ({
    time: "2026-11-20T10:00:00Z",
    proto: "tcp",
    port,
    src: { ip: `93.184.${i >> 8}.${i & 255}` },
    dst: { workload: "db" },
  });
  for (let i = 0; i < STRANGERS; i++) play.add(from(i, 22), i + 1);
  // Again: all that is listed, and all of it at another port, which is not.
  for (let i = 0; i < EDGES_MAX; i++) {
    play.add(from(i, 22), 1);
    play.add(from(i, 23), 1);
  }
  const { totals, newlyBlocked, dropped } = play.result();
  expect(totals).toMatchObject({ records: STRANGERS + 2 * EDGES_MAX, blocked: STRANGERS + 2 * EDGES_MAX });
  expect(newlyBlocked).toHaveLength(EDGES_MAX);
  expect(newlyBlocked.every((one) => one.connections === 2 && one.port === 22)).toBe(true);
  expect(dropped).toBe(STRANGERS);
});
