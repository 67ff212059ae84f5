// Policies are compiled from what hosts can do: the level of their kernels, and whether they can prove their software.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { digestOf, flowBatch } from "../testing/flow-batches.ts";
import { type AgentClient, enrollAgent, type Listening, listen } from "../testing/test-agent.ts";
import { createTestToken, startTestController, type TestController } from "../testing/test-controller.ts";

let controller: TestController;
const hosts = new Map<string, Host>();
beforeAll(async () => {
  controller = await startTestController();
});
afterAll(async () => {
  for (const { heard } of hosts.values()) heard.stop();
  await controller.remove();
});

type Host = { readonly client: AgentClient; readonly heard: Listening };

async function join(workload: string, address: string, level: string | null): Promise<Host> {
  const [role = ""] = workload.split("-");
  const token = await createTestToken(controller, { workload, labels: { role } });
  const { client } = await enrollAgent(controller.agentsUrl, token, workload, { addresses: [address] });
  if (level !== null) await report(client, workload, address, level);
  const heard = listen(client, workload);
  hosts.set(workload, { client, heard });
  return { client, heard };
}

async function report(client: AgentClient, workload: string, address: string, level: string): Promise<void> {
  const feature = {
    name: "refuse-exec",
    available: false,
    why: "no fanotify",
    means: "killed after the start",
  };
  const capabilities = JSON.stringify({ level, kernel: "6.1.0", features: [feature] });
  await client.reportStatus({ workload, addresses: [address], capabilities });
}

async function provision(text: string) {
  const drafted = await controller.client.PUT("/api/v1/draft", {
    body: { files: [{ file: "p.yaml", text }] },
  });
  expect(drafted.error).toBeUndefined();
  const provisioned = await controller.client.POST("/api/v1/provision", { body: {} });
  if (provisioned.error === undefined) await controller.client.POST("/api/v1/confirm");
  return provisioned;
}

const segment = (name: string, spec: string) =>
  `---\napiVersion: ringwall.dev/v1\nkind: Segment\nmetadata: { name: ${name} }\nspec: { workloads: { role: ${name} }, ${spec} }\n`;
const agentOf = async (name: string) =>
  (await controller.client.GET("/api/v1/workloads")).data?.workloads.find((one) => one.name === name)?.agent;
const modeOf = ({ heard }: Host) => heard.policies.at(-1)?.policy.modes.inbound;

it("refuses block on a host that lacks the level its segment requires, by name; alert is taken", async () => {
  const db = await join("db-1", "10.6.0.1", "core");
  const refused = await provision(segment("db", "modes: { inbound: block }, requires: lsm"));
  expect(refused.error).toMatchObject({
    code: "policy-refused",
    problems: [
      { code: "level-missing", message: expect.stringContaining("`db-1`"), fix: expect.any(String) },
    ],
  });
  expect((await provision(segment("db", "modes: { inbound: alert }, requires: lsm"))).error).toBeUndefined();
  await db.heard.until(() => modeOf(db) === "alert");
  expect(await agentOf("db-1")).toMatchObject({ capability: "core", kernel: "6.1.0", problem: "" });
  expect((await agentOf("db-1"))?.features).toMatchObject([{ name: "refuse-exec", available: false }]);
  const mode = await controller.client.POST("/api/v1/mode", { body: { segment: "db", mode: "block" } });
  expect(mode.error?.problems).toMatchObject([{ code: "level-missing" }]);
});

it("holds a host in alert that joins such a segment without the level, says why, and lets it into block with it", async () => {
  expect(
    (await provision(segment("cache", "modes: { inbound: block }, requires: lsm"))).error,
  ).toBeUndefined();
  const cache = await join("cache-1", "10.6.0.2", null);
  await cache.heard.until(() => modeOf(cache) === "alert");
  expect((await agentOf("cache-1"))?.problem).toMatch(/`cache-1` may not be in block.*requires: lsm.*`none`/);
  await report(cache.client, "cache-1", "10.6.0.2", "lsm");
  await cache.heard.until(() => modeOf(cache) === "block");
  expect((await agentOf("cache-1"))?.problem).toBe("");
});

const API = "/usr/bin/api";
const REQUIRED = `---
apiVersion: ringwall.dev/v1
kind: Software
metadata: { name: api }
spec: { anyOf: [{ executable: { path: ${API}, sha256: "${digestOf(API)}" } }] }
---
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: shop }
spec:
  rules:
    - name: only the api reaches the store
      allow: { from: { segment: app, software: api }, to: { segment: store }, ports: [tcp/5432], verified: required }
`;

it("refuses `verified: required` until the hosts can prove, and then compiles what peers prove", async () => {
  const app = await join("app-1", "10.6.1.1", "core");
  const store = await join("store-1", "10.6.1.2", "core");
  const text = `${segment("app", "mode: alert")}${segment("store", "mode: alert")}${REQUIRED}`;
  const refused = await provision(text);
  expect(refused.error?.problems?.map((one) => one.code)).toContain("proof-unavailable");
  const keys = [{ generation: 1, publicKey: new Uint8Array(randomBytes(32)) }];
  await app.client.offerProofKey({ workload: "app-1", keys });
  // One host alone can't: the other one is named.
  expect((await provision(text)).error?.problems?.map((one) => one.message).join()).toContain("store-1");
  await store.client.offerProofKey({ workload: "store-1", keys });
  expect((await provision(text)).error).toBeUndefined();
  const ruleAt = () => store.heard.policies.at(-1)?.policy.rules.find((one) => one.name.startsWith("shop/"));
  await store.heard.until(() => ruleAt() !== undefined);
  expect(ruleAt()).toMatchObject({
    direction: "inbound",
    verifiedRequired: true,
    remote: [expect.any(Number)],
  });
  expect((await agentOf("store-1"))?.proof).toMatchObject({ generations: [1] });
});

it("plays what was seen as it would be proved today, or would not where the path strips proofs", async () => {
  const [app, store] = [hosts.get("app-1"), hosts.get("store-1")];
  const end = { port: 5432, count: 9 } as const;
  const away = { ...end, direction: "outbound", local: "10.6.1.1", peer: "10.6.1.2", exe: API } as const;
  const back = {
    ...end,
    direction: "inbound",
    local: "10.6.1.2",
    peer: "10.6.1.1",
    exe: "/usr/bin/db",
  } as const;
  await app?.client.reportFlows(flowBatch("app-1", "a", [away]));
  await store?.client.reportFlows(flowBatch("store-1", "a", [back]));
  const denied = async () => (await controller.client.POST("/api/v1/simulate", { body: {} })).data?.denied;
  expect(await denied()).toBe(0);
  await app?.client.reportProofs({ workload: "app-1", counts: [{ peer: "store-1", sent: 1n }] });
  await store?.client.reportProofs({ workload: "store-1", counts: [{ peer: "app-1", missing: 1n }] });
  expect(await denied()).toBe(9);
});
