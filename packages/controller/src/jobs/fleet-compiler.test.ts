import { API_VERSION, type Resource, type Workload } from "@ringwall/model";
import { inventoryOf, policySetOf } from "@ringwall/policy";
import { expect, test } from "vitest";
import { type AgentRecord, workloadOf } from "../store/state/fleet.ts";
import { segmentOf } from "../testing/resources.ts";
import { type CompiledHost, compileFleet, type LiveWorld } from "./compile-fleet.ts";
import { createFleetCompiler } from "./fleet-compiler.ts";

const NOW_MS = Date.UTC(2026, 10, 16, 9);
const ESSENTIAL = {
  controller: { addresses: ["10.9.0.1"], port: 8443 },
  management: [],
  resolvers: ["10.9.0.53"],
};
const RESOURCES: readonly Resource[] = [
  ...["web", "db", "log"].map((app) => segmentOf(app, { app }, "block")),
  {
    apiVersion: API_VERSION,
    kind: "Policy",
    metadata: { name: "p", expires: "2026-11-30" },
    spec: {
      rules: [
        { name: "read", allow: { from: { segment: "web" }, to: { segment: "db" }, ports: ["tcp/5432"] } },
        {
          name: "log",
          allow: { from: { labels: { env: "prod" } }, to: { segment: "log" }, ports: ["tcp/syslog"] },
        },
      ],
    },
  },
];
const agent = (i: number, labels: Record<string, string>): AgentRecord => ({
  name: `h${i}`,
  agentLabels: {},
  labels,
  addresses: [`10.0.0.${i}`],
  resolvers: [],
  version: "",
  lastSeen: null,
  generation: 0,
  unconfirmedGeneration: 0,
  problem: "",
  pausedUntil: null,
  capabilities: null,
  listeners: [],
  flowsLost: {},
  flowsLostBefore: 0,
});
const FLEET = ["web", "web", "db", "db", "log", "other", "other"].map((app, i) => agent(i + 1, { app }));

function worldOf(agents: readonly AgentRecord[], written: readonly Workload[] = []): LiveWorld {
  const inventory = inventoryOf([...agents.map(workloadOf), ...written]);
  if (!inventory.ok) throw new Error("bug: names are distinct");
  return { set: policySetOf(RESOURCES), inventory: inventory.value, proves: () => false };
}

const relabelled = (agents: readonly AgentRecord[], name: string, labels: Record<string, string>) =>
  agents.map((one) => (one.name === name ? { ...one, labels } : one));
const byName = (compiled: readonly CompiledHost[]) =>
  compiled.toSorted((a, b) => (a.workload < b.workload ? -1 : 1));

test("after every change the remembering compiler gives what compiling all hosts gives, and compiles few", async () => {
  const stored = new Map<string, { readonly policy: Buffer; readonly digest: string }>();
  const compile = createFleetCompiler((name) => stored.get(name));
  /** The hosts that were compiled: the others' policies are the very bytes that were stored. */
  const run = async (
    agents: readonly AgentRecord[],
    revision: number,
    nowMs: number,
    written?: Workload[],
  ) => {
    const world = worldOf(agents, written);
    const got = await compile(world, revision, agents, ESSENTIAL, nowMs);
    expect(byName(got)).toEqual(byName(await compileFleet(world, revision, agents, ESSENTIAL, nowMs)));
    const fresh: string[] = [];
    for (const { workload, result } of got) {
      if (!result.ok) throw new Error(JSON.stringify(result.error));
      if (stored.get(workload)?.policy !== result.value.policy) fresh.push(workload);
      stored.set(workload, result.value);
    }
    return fresh.sort();
  };
  const all = FLEET.map((one) => one.name);
  expect(await run(FLEET, 1, NOW_MS)).toEqual(all);
  expect(await run(FLEET, 1, NOW_MS + 1000)).toEqual([]);
  // A host joins the databases: it, and who may read databases.
  const joined = relabelled(FLEET, "h6", { app: "db" });
  expect(await run(joined, 1, NOW_MS)).toEqual(["h1", "h2", "h6"]);
  // A label that decides who may write logs: the host, and the log's own.
  const prod = relabelled(joined, "h7", { app: "other", env: "prod" });
  expect(await run(prod, 1, NOW_MS)).toEqual(["h5", "h7"]);
  const silent = relabelled(prod, "h7", { app: "other", env: "prod", rack: "7" });
  expect(await run(silent, 1, NOW_MS)).toEqual(["h7"]);
  const level = silent.map((one) => (one.name === "h3" ? { ...one, capabilities: { level: "lsm" } } : one));
  expect(await run(level, 1, NOW_MS)).toEqual(["h3"]);
  // What was stored is no longer what was compiled.
  stored.set("h4", { policy: Buffer.from("{}"), digest: "00" });
  expect(await run(level, 1, NOW_MS)).toEqual(["h4"]);
  const moved = level.map((one) => (one.name === "h7" ? { ...one, addresses: ["10.0.0.99"] } : one));
  expect(await run(moved, 1, NOW_MS)).toEqual(all);
  expect(await run(moved, 1, Date.UTC(2026, 11, 1))).toEqual(all);
  expect(await run(moved, 2, Date.UTC(2026, 11, 1))).toEqual(all);
});
