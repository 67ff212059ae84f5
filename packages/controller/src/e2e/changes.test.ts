import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AgentClient, enrollAgent, listen } from "../testing/test-agent.ts";
import {
  connectDatabase,
  createTestToken,
  startTestController,
  type TestController,
} from "../testing/test-controller.ts";

/** A report that takes longer waits for something. */
const HEARD_MS_MAX = 10_000;

let controller: TestController;
let web: AgentClient;
beforeAll(async () => {
  controller = await startTestController();
  const token = await createTestToken(controller, { workload: "web-1", labels: { role: "web" } });
  web = (await enrollAgent(controller.agentsUrl, token, "web-1", { addresses: ["10.0.0.1"] })).client;
});
afterAll(() => controller.remove());

const policyText = (port: number, mode = "observe") => `
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: web }
spec:
  workloads: { role: web } # people's own words stay
  mode: ${mode}
---
apiVersion: ringwall.dev/v1
kind: Software
metadata: { name: nginx }
spec: { anyOf: [{ executable: { path: /usr/sbin/nginx, sha256: "${"a".repeat(64)}" } }] }
---
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: shop }
spec:
  rules:
    - name: customers reach the shop
      allow: { to: { segment: web, software: nginx }, ports: [tcp/${port}] }
`;

async function setDraft(text: string) {
  return controller.client.PUT("/api/v1/draft", { body: { files: [{ file: "shop.yaml", text }] } });
}

async function provision(seconds?: number) {
  const body = seconds === undefined ? {} : { confirmWithinSeconds: seconds };
  return controller.client.POST("/api/v1/provision", { body });
}

const status = async () => (await controller.client.GET("/api/v1/status")).data;
const revisions = async () => (await controller.client.GET("/api/v1/revisions")).data?.revisions ?? [];
const portsOf = (heard: ReturnType<typeof listen>) =>
  heard.policies.map(({ policy }) =>
    policy.rules
      .filter((rule) => rule.precedence === "rule")
      .flatMap((rule) => rule.ports?.map((one) => one.from) ?? []),
  );

describe("a draft", () => {
  it("that somebody replaced is in the audit: who, which resources, on which revision", async () => {
    await setDraft(policyText(80));
    await setDraft(policyText(81).replace("name: nginx }\nspec", "name: caddy }\nspec"));
    const edits = (await controller.client.GET("/api/v1/audit")).data?.audit.filter(
      ({ what }) => what === "apply",
    );
    const [second, first] = edits ?? [];
    expect(first).toMatchObject({
      actor: "operator",
      details: {
        revision: 0,
        added: ["Policy/shop", "Segment/web", "Software/nginx"],
        changed: [],
        removed: [],
      },
    });
    expect(second?.details).toEqual({
      revision: 0,
      added: ["Software/caddy"],
      changed: ["Policy/shop"],
      removed: ["Software/nginx"],
    });
    expect((await setDraft("nonsense")).response.status).toBe(422);
    expect((await controller.client.GET("/api/v1/audit")).data?.audit[0]).toEqual(second);
  });

  it("is refused with every problem and its place, and the former draft stays", async () => {
    await setDraft(policyText(80));
    const broken = await setDraft(
      `${policyText(80).replace("workloads:", "wrokloads:")}---\nkind: Nonsense\n`,
    );
    expect(broken.response.status).toBe(422);
    expect(broken.error).toMatchObject({ code: "draft-broken" });
    expect(broken.error?.problems?.length).toBeGreaterThan(1);
    expect(broken.error?.problems?.every((one) => one.place?.file === "shop.yaml")).toBe(true);
    const { data } = await controller.client.GET("/api/v1/draft");
    expect(data?.resources.map((one) => one.metadata.name).sort()).toEqual(["nginx", "shop", "web"]);
    expect(await status()).toMatchObject({ draftChanged: true, revision: 0 });
  });

  it("with errors is not provisioned, and nothing on the hosts changes", async () => {
    await setDraft(policyText(80).replace("segment: web,", "segment: wbe,"));
    const refused = await provision();
    expect(refused.response.status).toBe(422);
    expect(refused.error).toMatchObject({ code: "policy-refused" });
    expect(JSON.stringify(refused.error?.problems)).toContain("wbe");
    expect(await status()).toMatchObject({ revision: 0, pending: null });
    expect(await revisions()).toHaveLength(1);
  });
});

describe("a provision", () => {
  it("reaches a connected host at once, and stays when it is confirmed", async () => {
    const heard = listen(web, "web-1");
    await heard.until(() => heard.policies.length === 1);
    await setDraft(policyText(80));
    const { data } = await provision(600);
    expect(data).toMatchObject({
      revision: 1,
      hosts: { told: 1, connected: 1 },
      pending: { revision: 1, what: "provision" },
    });
    await heard.until(() => heard.policies.length === 2);
    expect(heard.policies[1]?.confirmWithinSeconds).toBeGreaterThan(300);
    expect(heard.policies[1]?.policy).toMatchObject({ revision: 1, modes: { inbound: "observe" } });
    expect(portsOf(heard)[1]).toContain(80);

    const second = await provision();
    expect([second.response.status, second.error?.code]).toEqual([409, "confirmation-pending"]);
    const confirmed = await controller.client.POST("/api/v1/confirm");
    expect(confirmed.data).toEqual({ revision: 1, generation: data?.generation });
    await heard.until(() => heard.confirmed.includes(data?.generation ?? 0));
    heard.stop();
    expect(await status()).toMatchObject({ revision: 1, pending: null, draftChanged: false });
    expect((await controller.client.POST("/api/v1/confirm")).error?.code).toBe("nothing-pending");
  });

  it("that nobody confirms is taken back on every host, under a higher generation", async () => {
    const heard = listen(web, "web-1");
    await heard.until(() => heard.policies.length === 1);
    await setDraft(policyText(8080));
    const { data } = await provision(5);
    await heard.until(() => heard.policies.length === 3);
    heard.stop();
    const generations = heard.policies.map((one) => one.generation);
    expect(generations).toEqual([...generations].sort((a, b) => a - b));
    expect(new Set(generations).size).toBe(3);
    expect(heard.policies[2]).toMatchObject({ confirmWithinSeconds: 0, policy: { revision: 1 } });
    expect(portsOf(heard)[2]).toContain(80);
    expect(portsOf(heard)[2]).not.toContain(8080);
    expect((await revisions()).find((one) => one.revision === data?.revision)?.state).toBe("reverted");
    const kinds = async () =>
      (await controller.client.GET("/api/v1/alerts")).data?.alerts.map((one) => one.kind);
    await expect.poll(kinds, { timeout: 20_000 }).toContain("reverted");
    const audit = (await controller.client.GET("/api/v1/audit")).data?.audit;
    const details = expect.objectContaining({ revision: data?.revision });
    expect(audit).toContainEqual(expect.objectContaining({ actor: "ringwall", what: "revert", details }));
    expect(audit).toContainEqual(expect.objectContaining({ actor: "operator", what: "confirm" }));
  });

  it("that waits when the controller ends is taken back by the next one", async () => {
    await setDraft(policyText(8081));
    const { data } = await provision(5);
    expect(data?.pending).not.toBeNull();
    controller = await controller.restart();
    const token = await createTestToken(controller, { workload: "web-1", labels: { role: "web" } });
    web = (await enrollAgent(controller.agentsUrl, token, "web-1", { addresses: ["10.0.0.1"] })).client;
    const heard = listen(web, "web-1", data?.generation);
    const late = listen(web, "web-1", data?.generation);
    heard.stop();
    await late.until(() => late.policies.some((one) => one.policy.revision === 1));
    late.stop();
    expect(late.policies.at(-1)?.generation).toBeGreaterThan(data?.generation ?? 0);
    await expect.poll(async () => (await status())?.pending, { timeout: 20_000 }).toBeNull();
    expect((await revisions()).find((one) => one.revision === data?.revision)?.state).toBe("reverted");
  });

  it("is taken back at once by a rollback without a number", async () => {
    await setDraft(policyText(8082));
    await provision(60);
    const back = await controller.client.POST("/api/v1/rollback", { body: {} });
    expect(back.data).toMatchObject({ revision: 1, pending: null });
    expect(await status()).toMatchObject({ revision: 1, pending: null });
  });
});

describe("a mode", () => {
  it("that only observes or alerts is final at once, and leaves the draft's own text alone", async () => {
    await setDraft(policyText(80));
    const { data } = await controller.client.POST("/api/v1/mode", {
      body: { segment: "web", mode: "alert" },
    });
    expect(data?.pending).toBeNull();
    const draft = await controller.client.GET("/api/v1/draft");
    expect(draft.data?.text).toContain("# people's own words stay");
    expect(await status()).toMatchObject({ revision: data?.revision, draftChanged: false });
    const { data: segments } = await controller.client.GET("/api/v1/segments");
    expect(segments?.segments[0]?.modes).toEqual({ inbound: "alert", outbound: "alert", processes: "alert" });
  });

  it("that blocks waits for its confirmation, and takes its draft back with it", async () => {
    const { data } = await controller.client.POST("/api/v1/mode", {
      body: { segment: "web", mode: "block", directions: ["inbound"], confirmWithinSeconds: 60 },
    });
    expect(data?.pending?.what).toBe("mode web block");
    const segments = await controller.client.GET("/api/v1/segments");
    expect(segments.data?.segments[0]?.modes).toEqual({
      inbound: "block",
      outbound: "alert",
      processes: "alert",
    });
    await controller.client.POST("/api/v1/rollback", { body: {} });
    const after = await controller.client.GET("/api/v1/segments");
    expect(after.data?.segments[0]?.modes.inbound).toBe("alert");
    expect(await status()).toMatchObject({ draftChanged: false });
  });

  it("of a segment that is not live is refused, with those that are", async () => {
    const { error, response } = await controller.client.POST("/api/v1/mode", {
      body: { segment: "wbe", mode: "alert" },
    });
    expect([response.status, error?.code, error?.fix]).toEqual([
      404,
      "unknown-segment",
      expect.stringContaining("`web`"),
    ]);
  });
});

describe("a host", () => {
  it("that lost its policy after the confirmation is told again, under a generation it will take", async () => {
    const heard = listen(web, "web-1", 0);
    await heard.until(() => heard.policies.length === 1);
    const first = heard.policies[0]?.generation ?? 0;
    await expect
      .poll(
        async () => {
          await web.reportStatus({
            workload: "web-1",
            generation: BigInt(first - 1),
            addresses: ["10.0.0.1"],
          });
          return heard.policies.some((one) => one.generation > first);
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(true);
    heard.stop();
  });

  it("that has its policy is heard while a change is being stored, however long that takes", async () => {
    const heard = listen(web, "web-1", 0);
    await heard.until(() => heard.policies.length === 1);
    const generation = BigInt(heard.policies[0]?.generation ?? 0);
    const database = await connectDatabase(controller);
    await database.query("BEGIN; SELECT FROM draft FOR UPDATE");
    const order: string[] = [];
    const provisioned = provision(60).then(() => order.push("change"));
    const blocked = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let reported: Promise<unknown> | undefined;
    try {
      await expect.poll(async () => (await database.query(blocked)).rows[0]?.n).toBe(1);
      reported = web
        .reportStatus({ workload: "web-1", generation, addresses: ["10.0.0.1"] })
        .then(() => order.push("heartbeat"));
      await Promise.race([reported, sleep(HEARD_MS_MAX)]);
    } finally {
      await database.query("ROLLBACK");
      await database.end();
    }
    await Promise.all([provisioned, reported]);
    expect(order).toEqual(["heartbeat", "change"]);
    await controller.client.POST("/api/v1/rollback", { body: {} });
    heard.stop();
  });

  it("with a new label gets the policy of its new segment", async () => {
    const token = await createTestToken(controller, { workload: "web-2" });
    const agent = await enrollAgent(controller.agentsUrl, token, "web-2", { addresses: ["10.0.0.2"] });
    const heard = listen(agent.client, "web-2");
    await heard.until(() => heard.policies.length > 0);
    expect(heard.policies[0]?.policy.modes.inbound).not.toBe("alert");
    await controller.client.PUT("/api/v1/workloads/{name}/labels", {
      params: { path: { name: "web-2" } },
      body: { labels: { role: "web" } },
    });
    await heard.until(() => heard.policies.at(-1)?.policy.modes.inbound === "alert");
    heard.stop();
  });
});
