import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flowBatch } from "../testing/flow-batches.ts";
import { type AgentClient, enrollAgent } from "../testing/test-agent.ts";
import { createTestToken, startTestController, type TestController } from "../testing/test-controller.ts";

let controller: TestController;
const agents = new Map<string, AgentClient>();
const ADDRESSES: Record<string, string> = {
  "web-1": "10.0.1.1",
  "web-2": "10.0.1.2",
  "app-1": "10.0.2.1",
  "db-1": "10.0.3.1",
};
const NGINX = "/usr/sbin/nginx";
const API = "/usr/bin/api";
const POSTGRES = "/usr/lib/postgresql/postgres";

beforeAll(async () => {
  controller = await startTestController();
  for (const name of Object.keys(ADDRESSES)) await join(name);
  for (const web of ["web-1", "web-2"]) await connection(web, NGINX, "app-1", API, 8000);
  await connection("app-1", API, "db-1", POSTGRES, 5432);
});
afterAll(() => controller.remove());

async function join(workload: string): Promise<void> {
  const addresses = [ADDRESSES[workload] ?? ""];
  const token = await createTestToken(controller, { workload });
  agents.set(workload, (await enrollAgent(controller.agentsUrl, token, workload, { addresses })).client);
}

let batches = 0;
async function connection(from: string, fromExe: string, to: string, toExe: string, port: number) {
  const [local = "", peer = ""] = [ADDRESSES[from], ADDRESSES[to]];
  const id = `${++batches}`;
  const out = { direction: "outbound", local, peer, port, exe: fromExe, count: 20 } as const;
  await agents.get(from)?.reportFlows(flowBatch(from, id, [out]));
  const into = { direction: "inbound", local: peer, peer: local, port, exe: toExe, count: 20 } as const;
  await agents.get(to)?.reportFlows(flowBatch(to, id, [into]));
}

const learn = async (body: { update?: boolean; askAgain?: boolean; programs?: boolean } = {}) =>
  (await controller.client.POST("/api/v1/learn", { body })).data;
const proposal = async () => (await controller.client.GET("/api/v1/proposal")).data;
const draft = async () => (await controller.client.GET("/api/v1/draft")).data?.text ?? "";
const TO_DB = "api on app reaches postgres on db";

describe("review of a proposal", () => {
  it("there is none before the learner was asked", async () => {
    expect((await controller.client.GET("/api/v1/proposal")).error?.code).toBe("no-proposal");
  });

  it("shows every rule with its evidence, and takes a rejected one out of the draft", async () => {
    await learn();
    const shown = await proposal();
    expect(shown?.kind).toBe("new");
    const rule = shown?.rules.find((one) => one.text.includes("[ tcp/5432 ]"));
    expect(rule).toMatchObject({ kind: "allow", state: "open", evidence: { edges: 1, connections: 20 } });
    expect(await draft()).toContain("[ tcp/5432 ]");

    const decisions = [
      { rule: rule?.id ?? "", state: "rejected" as const, reason: "the report job does this" },
    ];
    const { data } = await controller.client.POST("/api/v1/proposal/review", { body: { decisions } });
    expect(data?.rules.find((one) => one.id === rule?.id)).toMatchObject({
      state: "rejected",
      reason: "the report job does this",
      by: "operator",
    });
    expect(await draft()).not.toContain("[ tcp/5432 ]");
    expect(await draft()).toContain("[ tcp/8000 ]");
  });

  it("does not propose it again, and says so", async () => {
    await learn();
    expect(await draft()).not.toContain("[ tcp/5432 ]");
    const found = (await proposal())?.setAside.find(({ reason }) => reason === "rejected");
    expect(found?.words).toContain("the report job does this");
  });

  it("keeps an accepted rule accepted while it says the same", async () => {
    const rule = (await proposal())?.rules.find((one) => one.text.includes("[ tcp/8000 ]"))?.id ?? "";
    await controller.client.POST("/api/v1/proposal/review", {
      body: { decisions: [{ rule, state: "accepted" }] },
    });
    await learn();
    expect((await proposal())?.rules.find(({ id }) => id === rule)?.state).toBe("accepted");
  });

  it("lists rejections; one that is forgotten is proposed again", async () => {
    const { data } = await controller.client.GET("/api/v1/rejections");
    expect(data?.rejections).toHaveLength(1);
    const id = data?.rejections[0]?.id ?? 0;
    await controller.client.DELETE("/api/v1/rejections/{id}", { params: { path: { id } } });
    await learn({ update: true });
    expect(await draft()).toContain("[ tcp/5432 ]");
    expect((await proposal())?.rules.map((one) => one.text).join()).not.toContain("[ tcp/8000 ]");
    const gone = await controller.client.DELETE("/api/v1/rejections/{id}", { params: { path: { id } } });
    expect(gone.error?.code).toBe("unknown-rejection");
  });

  it("takes a word back: the rule returns to the draft", async () => {
    const rule = (await proposal())?.rules.find((one) => one.text.includes("[ tcp/5432 ]"))?.id ?? "";
    const say = async (decision: { state: "rejected"; reason: string } | { state: "open" }) =>
      controller.client.POST("/api/v1/proposal/review", { body: { decisions: [{ rule, ...decision }] } });
    await say({ state: "rejected", reason: "not sure" });
    expect(await draft()).not.toContain("[ tcp/5432 ]");
    const { data } = await say({ state: "open" });
    expect(data?.rules.find(({ id }) => id === rule)?.state).toBe("open");
    expect(await draft()).toContain("[ tcp/5432 ]");
  });

  it("refuses a rule that was not proposed, and a rejection without a reason, and changes nothing", async () => {
    const before = await draft();
    const unknown = await controller.client.POST("/api/v1/proposal/review", {
      body: { decisions: [{ rule: `db/${TO_DB}, perhaps`, state: "accepted" }] },
    });
    expect(unknown.error?.code).toBe("unknown-rule");
    const bare = { decisions: [{ rule: "db/x", state: "rejected", reason: " " }] } as const;
    expect(
      (await controller.client.POST("/api/v1/proposal/review", { body: { decisions: [...bare.decisions] } }))
        .error?.code,
    ).toBe("bad-request");
    expect(await draft()).toBe(before);
  });
});

describe("what may run", () => {
  it("is proposed from exec records when asked for, for the hosts that report them", async () => {
    const process = {
      exe: "/usr/sbin/cron",
      exeSha256: "c".repeat(64),
      package: "cron",
      evidence: "deb-repo",
      user: "root",
    };
    await agents.get("db-1")?.reportExecs({
      workload: "db-1",
      batchId: "execs-1",
      execs: [{ process, parentExe: "/sbin/init", timeMs: BigInt(Date.now()) }],
    });
    await learn();
    expect((await proposal())?.rules.some(({ kind }) => kind === "run")).toBe(false);
    await learn({ programs: true });
    const rule = (await proposal())?.rules.find(({ kind }) => kind === "run");
    expect(rule?.text).toContain("software: [ cron, postgres ]");
    expect((await proposal())?.rules.filter(({ kind }) => kind === "run")).toHaveLength(1);
  });
});

describe("what the draft lacks", () => {
  it("an update leaves people's text alone, and adds a replica to its segment", async () => {
    const text = `# reviewed by the shop's team\n${(await draft()).replace("kind: Segment", "kind: Segment # ours")}`;
    await controller.client.PUT("/api/v1/draft", { body: { files: [{ file: "shop.yaml", text }] } });
    ADDRESSES["web-3"] = "10.0.1.3";
    await join("web-3");
    await connection("web-3", NGINX, "app-1", API, 8000);
    const drifted = await controller.client.GET("/api/v1/drift", { params: { query: { since: "1h" } } });
    expect(drifted.data?.edges.length).toBeGreaterThan(0);
    await learn({ update: true });
    const after = await draft();
    expect(after).toContain("# reviewed by the shop's team");
    expect(after).toContain("# ours");
    expect((await proposal())?.kind).toBe("update");
  });
});
