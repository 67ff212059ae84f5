import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flowBatch } from "../testing/flow-batches.ts";
import { type AgentClient, enrollAgent } from "../testing/test-agent.ts";
import { createTestToken, startTestController, type TestController } from "../testing/test-controller.ts";

let controller: TestController;
const agents = new Map<string, AgentClient>();
const ADDRESSES = { "web-1": "10.0.1.1", "app-1": "10.0.2.1", "db-1": "10.0.3.1" } as const;

beforeAll(async () => {
  controller = await startTestController();
  for (const [workload, address] of Object.entries(ADDRESSES)) {
    const token = await createTestToken(controller, { workload });
    agents.set(
      workload,
      (await enrollAgent(controller.agentsUrl, token, workload, { addresses: [address] })).client,
    );
  }
});
afterAll(() => controller.remove());

let batches = 0;
async function connection(
  from: keyof typeof ADDRESSES,
  fromExe: string,
  to: keyof typeof ADDRESSES,
  toExe: string,
  port: number,
) {
  const [local, peer] = [ADDRESSES[from], ADDRESSES[to]];
  batches += 1;
  await agents
    .get(from)
    ?.reportFlows(
      flowBatch(from, `${batches}`, [{ direction: "outbound", local, peer, port, exe: fromExe, count: 20 }]),
    );
  await agents
    .get(to)
    ?.reportFlows(
      flowBatch(to, `${batches}`, [
        { direction: "inbound", local: peer, peer: local, port, exe: toExe, count: 20 },
      ]),
    );
}

describe("learning on a running controller", () => {
  it("proposes a policy that denies none of what it was learned from, and then that only", async () => {
    await connection("web-1", "/usr/sbin/nginx", "app-1", "/usr/bin/api", 8000);
    await connection("app-1", "/usr/bin/api", "db-1", "/usr/lib/postgresql/postgres", 5432);
    const learned = await controller.client.POST("/api/v1/learn", { body: {} });
    const kinds = learned.data?.resources.map((one) => one.kind) ?? [];
    expect(kinds).toContain("Segment");
    expect(kinds).toContain("Software");
    expect(kinds).toContain("Policy");
    const audit = (await controller.client.GET("/api/v1/audit")).data?.audit;
    expect(audit?.[0]).toMatchObject({
      actor: "operator",
      what: "learn",
      details: { revision: 0, removed: [] },
    });
    expect(audit?.[0]?.details["added"]).toContainEqual(expect.stringMatching(/^Policy\//));
    const simulated = await controller.client.POST("/api/v1/simulate", { body: {} });
    expect(simulated.data).toMatchObject({
      connections: 40,
      allowed: 40,
      denied: 0,
      deniedEdges: [],
      newlyDenied: [],
    });

    await connection("web-1", "/bin/bash", "db-1", "/usr/lib/postgresql/postgres", 5432);
    const attacked = await controller.client.POST("/api/v1/simulate", { body: {} });
    expect(attacked.data).toMatchObject({ connections: 60, allowed: 40, denied: 20 });
    expect(attacked.data?.newlyDenied).toHaveLength(1);
    expect(attacked.data?.newlyDenied[0]).toMatchObject({
      source: "web-1",
      sourceSoftware: "bash",
      destination: "db-1",
      port: 5432,
      connections: 20,
    });

    const provisioned = await controller.client.POST("/api/v1/provision", { body: {} });
    expect(provisioned.error).toBeUndefined();
    await controller.client.POST("/api/v1/confirm");
    const map = await controller.client.GET("/api/v1/map", { params: { query: { since: "1h" } } });
    expect(map.data?.nodes.map((one) => one.id).sort()).toEqual(["app-1", "db-1", "web-1"]);
    expect(map.data?.edges).toHaveLength(3);
    expect(map.data?.edges.every((one) => one.verification === "attested")).toBe(true);
    const policies = await controller.client.GET("/api/v1/policies");
    expect(policies.data?.policies.flatMap((one) => one.rules).length).toBeGreaterThan(1);
  });

  it("only shows a proposal that is asked for without the draft", async () => {
    const before = await controller.client.GET("/api/v1/draft");
    const shown = await controller.client.POST("/api/v1/learn", { body: { keepDraft: true, since: "1m" } });
    expect(shown.data?.text).not.toBe("");
    expect((await controller.client.GET("/api/v1/draft")).data).toEqual(before.data);
  });
});

describe("hosts that come and go", () => {
  it("gives an address to the host that has it now, once its former owner is silent", async () => {
    const token = await createTestToken(controller, { workload: "old" });
    await enrollAgent(controller.agentsUrl, token, "old", { addresses: ["10.0.9.9"] });
    const fresh = await enrollAgent(controller.agentsUrl, await createTestToken(controller), "new");
    await fresh.client.reportStatus({
      workload: "new",
      addresses: ["10.0.9.9", "127.0.0.1", "fe80::1%eth0"],
    });
    const { data } = await controller.client.GET("/api/v1/workloads");
    const addressesOf = (name: string) => data?.workloads.find((one) => one.name === name)?.addresses;
    expect(addressesOf("old")).toEqual([]);
    expect(addressesOf("new")).toEqual(["10.0.9.9", "fe80::1"]);
  });

  it("refuses a removed host's certificate and forgets it", async () => {
    const agent = await enrollAgent(controller.agentsUrl, await createTestToken(controller), "leaving");
    const params = { params: { path: { name: "leaving" } } };
    expect((await controller.client.DELETE("/api/v1/workloads/{name}", params)).data).toEqual({
      removed: "leaving",
    });
    await expect(agent.client.reportStatus({ workload: "leaving" })).rejects.toThrow(/knows no workload/);
    expect((await controller.client.DELETE("/api/v1/workloads/{name}", params)).error?.code).toBe(
      "unknown-workload",
    );
  });
});
