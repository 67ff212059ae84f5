// A host that is away holds up the proof keys of others: people see which one, since when, until when, and what to do.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { AWAITED_SHOWN_AFTER_MS, AWAY_AWAITED_MS_MAX } from "../proof/limits.ts";
import { type AgentClient, enrollAgent, type Listening, listen } from "../testing/test-agent.ts";
import { createTestToken, startTestController, type TestController } from "../testing/test-controller.ts";

let controller: TestController;
const heard = new Map<string, Listening>();
beforeAll(async () => {
  // Only what asks for the time: connections and timers go on as ever.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  controller = await startTestController();
  const body = { files: [{ file: "nets.yaml", text: POLICY }] };
  expect((await controller.client.PUT("/api/v1/draft", { body })).error).toBeUndefined();
  expect((await controller.client.POST("/api/v1/provision", { body: {} })).error).toBeUndefined();
  await controller.client.POST("/api/v1/confirm");
});
afterAll(async () => {
  for (const one of heard.values()) one.stop();
  await controller.remove();
  vi.useRealTimers();
});

/** By which all hosts have to do with each other. */
const POLICY = `apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: hosts }
spec: { workloads: {}, mode: observe }
---
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: nets }
spec:
  rules:
    - name: net
      allow: { from: { cidr: 10.7.0.0/24 }, to: { cidr: 10.7.0.0/24, segment: hosts }, ports: [tcp/7] }
`;

const key = (generation: number) => ({ generation, publicKey: new Uint8Array(randomBytes(32)) });
const FIRST = key(1);

/** A host with a key that is connected and has fetched what it is told. */
async function joined(workload: string, address: string): Promise<AgentClient> {
  const token = await createTestToken(controller, { workload });
  const { client } = await enrollAgent(controller.agentsUrl, token, workload, { addresses: [address] });
  heard.set(workload, listen(client, workload));
  await isConnected(workload, true);
  await client.offerProofKey({ workload, keys: [FIRST] });
  return client;
}

async function fetchAll(agents: Readonly<Record<string, AgentClient>>): Promise<void> {
  for (const [workload, client] of Object.entries(agents)) await client.fetchProof({ workload, version: 0n });
}

const agentOf = async (name: string) =>
  (await controller.client.GET("/api/v1/workloads")).data?.workloads.find((one) => one.name === name)?.agent;
const problemOf = async (name: string) => (await agentOf(name))?.problem;
const isConnected = (name: string, is: boolean) =>
  expect.poll(async () => (await agentOf(name))?.connected, { timeout: 20_000 }).toBe(is);
const awaitedCount = async () => (await controller.client.GET("/api/v1/status")).data?.agents.awaited;
const minute = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
const wait = (ms: number) => vi.setSystemTime(Date.now() + ms);

let a: AgentClient;
let since: string;

it("names the host that is away, whose keys it holds up, since when, until when at most, and the way out", async () => {
  a = await joined("key-a", "10.7.0.1");
  const b = await joined("key-b", "10.7.0.2");
  await joined("key-gone", "10.7.0.3");
  await fetchAll({ "key-a": a, "key-b": b });
  heard.get("key-gone")?.stop();
  await isConnected("key-gone", false);
  const offeredMs = Date.now();
  await a.offerProofKey({ workload: "key-a", keys: [FIRST, key(2)] });
  await b.offerProofKey({ workload: "key-b", keys: [FIRST, key(2)] });
  await fetchAll({ "key-a": a, "key-b": b });
  expect(await problemOf("key-gone")).toBe("");
  wait(AWAITED_SHOWN_AFTER_MS);
  since = minute(offeredMs);
  expect(await problemOf("key-gone")).toBe(
    `warning[keys-awaited]: key-a, key-b do not use newer proof keys, as this host is away: waiting since ${since}, ` +
      `until ${minute(offeredMs + AWAY_AWAITED_MS_MAX)} at most\n` +
      "  fix: start its agent; if the host is gone for good: `ringwall forget key-gone`",
  );
  expect([await problemOf("key-a"), await problemOf("key-b"), await awaitedCount()]).toEqual(["", "", 1]);
});

it("says so over a restart of the controller too, once the hosts had time to come back", async () => {
  for (const one of heard.values()) one.stop();
  controller = await controller.restart();
  heard.set("key-a", listen(a, "key-a"));
  await isConnected("key-a", true);
  await fetchAll({ "key-a": a });
  expect(await problemOf("key-gone")).toBe("");
  wait(AWAITED_SHOWN_AFTER_MS);
  expect(await problemOf("key-gone")).toContain(`: key-a does not use newer proof keys`);
  expect(await problemOf("key-gone")).toContain(`waiting since ${since}, `);
});

it("waits no longer for a host that is forgotten", async () => {
  const heardOf = async () => (await a.fetchProof({ workload: "key-a", version: 0n })).heardGeneration;
  const forget = (name: string) =>
    controller.client.DELETE("/api/v1/workloads/{name}", { params: { path: { name } } });
  await forget("key-gone");
  expect([await awaitedCount(), await heardOf()]).toEqual([1, 1]);
  await forget("key-b");
  expect([await awaitedCount(), await heardOf()]).toEqual([0, 2]);
});

it("is explained in docs/errors.md", () => {
  const errors = readFileSync(new URL("../../../../docs/errors.md", import.meta.url), "utf8");
  expect(errors).toContain("### `keys-awaited`\n");
});
