import type { HostPolicy } from "@ringwall/policy";
import { Direction, Verdict } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AgentClient, agentClient, enrollAgent, type Identity, listen } from "../testing/test-agent.ts";
import { createTestToken, startTestController, type TestController } from "../testing/test-controller.ts";

const DRAFT = `
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: web }
spec: { workloads: { role: web }, modes: { outbound: block } }
---
apiVersion: ringwall.dev/v1
kind: Software
metadata: { name: shop }
spec: { anyOf: [{ executable: { path: /usr/bin/shop, sha256: "${"a".repeat(64)}" } }] }
---
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: shop }
spec:
  rules:
    - name: the shop reaches its database
      allow: { from: { segment: web, software: shop }, to: { workload: db-1 }, ports: [tcp/5432] }
`;

let controller: TestController;
let web: { readonly identity: Identity; client: AgentClient };
beforeAll(async () => {
  controller = await startTestController();
  for (const [name, role, address] of [
    ["web-1", "web", "10.0.0.1"],
    ["db-1", "db", "10.0.0.2"],
  ] as const) {
    const token = await createTestToken(controller, { workload: name, labels: { role } });
    const enrolled = await enrollAgent(controller.agentsUrl, token, name, { addresses: [address] });
    if (name === "web-1") web = enrolled;
  }
});
afterAll(() => controller.remove());

/** Two programs that the draft refuses or lets pass, as the agent of web-1 would tell. */
function report(run: bigint, running = true) {
  const exe = { exeSha256: "a".repeat(64), exe: "/usr/bin/shop" };
  const address = (last: number) => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, last];
  return {
    workload: "web-1",
    run,
    running,
    met: 50n,
    uncounted: 1n,
    processes: [exe, { exe: "/usr/bin/curl", exeSha256: "b".repeat(64) }],
    rules: ["shop/the shop reaches its database"],
    process: [1, 2],
    peerAddress: new Uint8Array([...address(2), ...address(99)]),
    port: [5432, 443],
    proto: [6, 6],
    direction: [Direction.OUTBOUND, Direction.OUTBOUND],
    liveVerdict: [Verdict.BLOCKED, Verdict.ALLOWED],
    draftVerdict: [Verdict.ALLOWED, Verdict.BLOCKED],
    liveRule: [0, 0],
    draftRule: [1, 0],
    count: [7n, 3n],
    firstMs: [1_000n, 2_000n],
    lastMs: [5_000n, 2_000n],
  };
}

const view = async () => (await controller.client.GET("/api/v1/shadow")).data;

it("a draft meets live traffic on its hosts until it is stopped, over a restart of the controller", async () => {
  const { client } = controller;
  expect((await client.GET("/api/v1/shadow")).error).toMatchObject({ code: "no-shadow" });
  expect((await client.DELETE("/api/v1/shadow")).error).toMatchObject({ code: "no-shadow" });
  await client.PUT("/api/v1/draft", { body: { files: [{ file: "shop.yaml", text: DRAFT }] } });
  const heard = listen(web.client, "web-1");
  await heard.until(() => heard.policies.length > 0);

  const started = await client.POST("/api/v1/shadow", { body: { seconds: 600 } });
  expect(started.data).toMatchObject({ state: "running", hosts: { asked: 2, reporting: 0 } });
  await heard.until(() => heard.shadows.length > 0);
  const [first] = heard.shadows;
  if (first?.case !== "shadowStart") throw new Error(`not a start: ${first?.case}`);
  const policy = JSON.parse(Buffer.from(first.value.hostPolicy).toString()) as HostPolicy;
  expect(policy).toMatchObject({ workload: "web-1", modes: { outbound: "block" } });
  expect(policy.rules.map((rule) => rule.name)).toContain("shop/the shop reaches its database");
  // What is in force has not changed by it.
  expect(heard.policies).toHaveLength(1);
  expect(heard.policies[0]?.policy.modes.outbound).toBe("observe");

  const { run } = first.value;
  await web.client.reportShadow(report(run));
  heard.stop();
  controller = await controller.restart();
  web.client = agentClient(controller.agentsUrl, web.identity);
  const again = listen(web.client, "web-1");
  await again.until(() => again.shadows.length > 0);
  expect(again.shadows[0]).toMatchObject({ case: "shadowStart", value: { run } });

  const kept = await view();
  expect(kept).toMatchObject({
    run: Number(run),
    state: "running",
    startedBy: "operator",
    hosts: { asked: 2, reporting: 1, running: 1, problems: [] },
    met: 50,
    uncounted: 1,
    edges: [
      {
        change: "newly-allowed",
        workload: "web-1",
        segments: ["web"],
        source: "web-1",
        sourceSoftware: "shop",
        destination: "db-1",
        destinationSoftware: null,
        proto: "tcp",
        port: 5432,
        live: { outcome: "blocked", rule: "default" },
        draft: { outcome: "allowed", rule: "shop/the shop reaches its database" },
        count: 7,
      },
      { change: "newly-blocked", sourceSoftware: "curl", destination: "10.0.0.99", count: 3 },
    ],
    bySegment: [{ segment: "web", changes: { "newly-allowed": 7, "newly-blocked": 3 } }],
  });
  expect(kept?.byRule.map((one) => one.rule)).toEqual(["shop/the shop reaches its database", "default"]);

  const stopped = await controller.client.DELETE("/api/v1/shadow");
  expect(stopped.data).toMatchObject({ state: "stopped", edges: [{ count: 7 }, { count: 3 }] });
  await again.until(() => again.shadows.length > 1);
  expect(again.shadows[1]).toMatchObject({ case: "shadowStop", value: { run } });
  again.stop();

  // A host that was away when it was stopped hears it when it comes back.
  const back = listen(web.client, "web-1");
  await back.until(() => back.shadows.length > 0);
  expect(back.shadows[0]).toMatchObject({ case: "shadowStop", value: { run } });
  back.stop();
});

it("a newer run replaces the older; a report with a wrong shape is refused by name", async () => {
  const before = (await view())?.run ?? 0;
  const { data } = await controller.client.POST("/api/v1/shadow", { body: {} });
  expect(data?.run).toBeGreaterThan(before);
  expect(data?.edges).toEqual([]);
  const run = BigInt(data?.run ?? 0);
  const wrong: readonly (readonly [Partial<ReturnType<typeof report>>, string])[] = [
    [{ count: [1n] }, "`count` has 1 rows, not 2"],
    [{ process: [1, 3] }, "row 1: `process` points behind the list"],
    [{ draftVerdict: [0, 3] }, "row 0: no verdict"],
    [{ lastMs: [2n ** 60n, 0n] }, "row 0: a number beyond 2^53"],
    [{ lastMs: [9_000_000_000_000_000n, 0n] }, "row 0: a time beyond"],
  ];
  for (const [change, words] of wrong) {
    await expect(web.client.reportShadow({ ...report(run), ...change })).rejects.toThrow(words);
  }
  expect((await view())?.hosts.reporting).toBe(0);
});

it("a draft with errors is refused, and the run before goes on", async () => {
  const text = DRAFT.replace(
    "from: { segment: web, software: shop }",
    "from: { segment: web }, verified: required",
  );
  await controller.client.PUT("/api/v1/draft", { body: { files: [{ file: "shop.yaml", text }] } });
  const before = await view();
  const refused = await controller.client.POST("/api/v1/shadow", { body: {} });
  expect(refused.response.status).toBe(422);
  expect(refused.error).toMatchObject({ code: "policy-refused" });
  expect((await view())?.run).toBe(before?.run);
});
