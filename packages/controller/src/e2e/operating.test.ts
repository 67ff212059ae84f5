// What operators see and do beside the policy: alerts about the fleet, the audit log, generations.
import { setTimeout as sleep } from "node:timers/promises";
import { State, Verdict } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, expect, it } from "vitest";
import { flowBatch } from "../testing/flow-batches.ts";
import { enrollAgent, listen } from "../testing/test-agent.ts";
import { createTestToken, startTestController, type TestController } from "../testing/test-controller.ts";

let controller: TestController;
beforeAll(async () => {
  controller = await startTestController();
});
afterAll(() => controller.remove());

async function enrolled(workload: string, address: string, labels: Record<string, string> = {}) {
  const token = await createTestToken(controller, { workload, labels });
  return enrollAgent(controller.agentsUrl, token, workload, { addresses: [address] });
}
const alerts = async (kind: string) =>
  ((await controller.client.GET("/api/v1/alerts")).data?.alerts ?? []).filter((one) => one.kind === kind);
const status = async () => (await controller.client.GET("/api/v1/status")).data;

const SEGMENT = `
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: web }
spec: { workloads: { role: web }, mode: alert }
`;

it("knows its generation while no host is enrolled, and never a lower one", async () => {
  const generations = [(await status())?.generation];
  await controller.client.PUT("/api/v1/draft", { body: { files: [{ file: "web.yaml", text: SEGMENT }] } });
  const provisioned = await controller.client.POST("/api/v1/provision", { body: {} });
  expect(provisioned.data?.generation).toBeGreaterThan(0);
  generations.push(provisioned.data?.generation, (await status())?.generation);
  const reverted = await controller.client.POST("/api/v1/rollback", { body: {} });
  generations.push(reverted.data?.generation, (await status())?.generation);
  await controller.client.POST("/api/v1/provision", { body: {} });
  await controller.client.POST("/api/v1/confirm");
  generations.push((await status())?.generation);
  expect(await status()).toMatchObject({ revision: 2, agents: { enrolled: 0 } });
  expect(generations).toEqual(generations.toSorted((a, b) => (a ?? 0) - (b ?? 0)));
  expect(new Set(generations).size).toBe(4);
});

it("raises an alert that names both hosts when they report one address", async () => {
  const first = await enrolled("twin-1", "10.4.0.1");
  const second = await enrolled("twin-2", "10.4.0.2");
  await first.client.reportStatus({ workload: "twin-1", addresses: ["10.4.0.1"] });
  expect(await alerts("shared-address")).toEqual([]);
  await second.client.reportStatus({ workload: "twin-2", addresses: ["10.4.0.1"] });
  // Told once, however often both report.
  await first.client.reportStatus({ workload: "twin-1", addresses: ["10.4.0.1"] });
  await second.client.reportStatus({ workload: "twin-2", addresses: ["10.4.0.1"] });
  expect(await alerts("shared-address")).toMatchObject([
    { workload: "twin-2", count: 1, message: expect.stringMatching(/`twin-1` and `twin-2`.* 10\.4\.0\.1/) },
  ]);
});

it("raises an alert for software never seen before on a host past observing, not on one being learned", async () => {
  const web = await enrolled("web-9", "10.4.1.1", { role: "web" });
  const other = await enrolled("other-9", "10.4.1.2");
  const exec = (exe: string) => ({ process: { exe, user: "root" }, timeMs: BigInt(Date.now()) });
  await other.client.reportExecs({ workload: "other-9", batchId: "a", execs: [exec("/opt/seen")] });
  await web.client.reportExecs({
    workload: "web-9",
    batchId: "b",
    execs: [exec("/opt/new"), exec("/opt/seen")],
  });
  await web.client.reportExecs({ workload: "web-9", batchId: "c", execs: [exec("/opt/new")] });
  const found = await alerts("new-software");
  expect(found.map((one) => [one.workload, one.count])).toEqual([["web-9", 1]]);
  expect(found[0]?.message).toContain("(/opt/new) ran on `web-9` for the first time anywhere");
});

it("reports that come together count each alert and each loss once, and new software is new in one of them", async () => {
  const { client } = await enrolled("web-many", "10.4.2.1", { role: "web" });
  const serials = Array.from({ length: 8 }, (_, index) => index);
  const flow = {
    direction: "outbound",
    local: "10.4.2.1",
    peer: "10.4.2.9",
    port: 25,
    exe: "/opt/many",
    state: State.DENIED,
    verdict: Verdict.BLOCKED,
    alert: true,
  } as const;
  const send = (round: string, lost: bigint) =>
    Promise.all(
      serials.map((serial) =>
        client.reportFlows({
          ...flowBatch("web-many", `${round}${serial}`, [flow]),
          lost: { spoolFull: lost },
        }),
      ),
    );
  await send("a", 5n);
  // Fewer than before: the agent counts anew.
  await send("b", 2n);
  const of = async (kind: string) => (await alerts(kind)).filter((one) => one.workload === "web-many");
  expect((await of("blocked")).map((one) => one.count)).toEqual([16]);
  expect((await of("new-software")).map((one) => one.count)).toEqual([1]);
  expect((await status())?.flows.lost).toBe(7);
});

it("keeps who made tokens, labelled and removed hosts and changed the policy; never a secret", async () => {
  const labels = { env: "prod" };
  const token = await createTestToken(controller, { workload: "audited", labels, uses: 3 });
  await enrollAgent(controller.agentsUrl, token, "audited");
  const name = { params: { path: { name: "audited" } } };
  await controller.client.PUT("/api/v1/workloads/{name}/labels", {
    ...name,
    body: { labels: { env: "dev" } },
  });
  await controller.client.DELETE("/api/v1/workloads/{name}", name);
  const { data } = await controller.client.GET("/api/v1/audit");
  expect(data?.audit.slice(0, 3)).toMatchObject([
    { actor: "operator", what: "remove workload", details: { name: "audited" } },
    { actor: "operator", what: "label workload", details: { before: {}, after: { env: "dev" } } },
    { actor: "operator", what: "create enrolment token", details: { workload: "audited", labels, uses: 3 } },
  ]);
  expect(data?.audit.map((one) => one.what)).toContain("provision");
  expect(JSON.stringify(data)).not.toContain(token);
});

it("a pause through the controller reaches the agent, the audit and the alerts; an agent that is away is named", async () => {
  const host = await enrolled("paused-1", "10.4.2.1");
  const params = { path: { name: "paused-1" } };
  const order = (seconds: number) =>
    controller.client.POST("/api/v1/workloads/{name}/pause", { params, body: { seconds, reason: "drill" } });
  expect((await order(60)).error).toMatchObject({ code: "agent-away" });
  const heard = listen(host.client, "paused-1");
  const connected = async () => (await status())?.agents.connected === 1;
  while (!(await connected())) await sleep(20);
  expect((await order(60)).data).toMatchObject({ workload: "paused-1", until: expect.any(String) });
  await heard.until(() => heard.pauses.length > 0);
  expect(heard.pauses).toEqual([60]);
  expect((await order(0)).data).toEqual({ workload: "paused-1", until: null });
  expect((await order(14_401)).error).toBeDefined();
  // The database takes no NUL: what can't be audited is not ordered.
  const unaudited = { seconds: 30, reason: "a\0b" };
  const refused = await controller.client.POST("/api/v1/workloads/{name}/pause", { params, body: unaudited });
  expect(refused.error).toBeDefined();
  await order(0);
  await heard.until(() => heard.pauses.length > 2);
  expect(heard.pauses).toEqual([60, 0, 0]);
  const { data } = await controller.client.GET("/api/v1/audit");
  expect(data?.audit.slice(1, 3)).toMatchObject([
    { actor: "operator", what: "resume enforcement", details: { workload: "paused-1" } },
    { actor: "operator", what: "pause enforcement", details: { workload: "paused-1", reason: "drill" } },
  ]);
  expect(await alerts("paused")).toMatchObject([{ workload: "paused-1", count: 1 }]);
});

it("a pause on the host itself is in the audit once, however often its agent tells it, and shows until it ends", async () => {
  const host = await enrolled("paused-2", "10.4.2.2");
  const until = Date.now() + 60_000;
  const action = { id: "boot maps 1", what: "pause", user: "root", reason: "fire", untilMs: BigInt(until) };
  const report = { workload: "paused-2", actions: [{ ...action, timeMs: BigInt(Date.now()) }] };
  await host.client.reportActions(report);
  await host.client.reportActions(report);
  await host.client.reportStatus({ workload: "paused-2", pausedUntilMs: BigInt(until) });
  const { data } = await controller.client.GET("/api/v1/audit");
  const told = data?.audit.filter(
    (one) => one.details["workload"] === "paused-2" && one.what.includes("enforcement"),
  );
  expect(told).toMatchObject([
    { actor: "root@paused-2", what: "pause enforcement on the host", details: { reason: "fire" } },
  ]);
  const workload = async () =>
    (await controller.client.GET("/api/v1/workloads")).data?.workloads.find((one) => one.name === "paused-2");
  expect((await workload())?.agent?.pausedUntil).toBe(new Date(until).toISOString());
  expect(await alerts("paused")).toContainEqual(expect.objectContaining({ workload: "paused-2", count: 1 }));
  await host.client.reportStatus({ workload: "paused-2", pausedUntilMs: 0n });
  expect((await workload())?.agent?.pausedUntil).toBeNull();
  const wrong = host.client.reportActions({ workload: "paused-2", actions: [{ ...action, what: "dance" }] });
  await expect(wrong).rejects.toThrow(/neither pause nor resume/);
});

it("actions that come several times at once, by a clock that is wrong, are in the audit once and alert now", async () => {
  const host = await enrolled("paused-3", "10.4.2.3");
  const never = BigInt(Number.MAX_SAFE_INTEGER);
  const action = { id: "boot maps 1", what: "pause", user: "root", timeMs: never, untilMs: never };
  const report = { workload: "paused-3", actions: [action] };
  await Promise.all(Array.from({ length: 8 }, () => host.client.reportActions(report)));
  const entries = ((await controller.client.GET("/api/v1/audit")).data?.audit ?? []).filter(
    (one) => one.details["workload"] === "paused-3" && one.what.includes("enforcement"),
  );
  expect(entries).toHaveLength(1);
  const [alert] = (await alerts("paused")).filter((one) => one.workload === "paused-3");
  expect(alert).toMatchObject({ count: 1, message: expect.stringContaining("an unknown time") });
  expect(Date.parse(alert?.lastTime ?? "")).toBeLessThanOrEqual(Date.now());
});
