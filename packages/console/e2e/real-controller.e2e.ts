import path from "node:path";
import { Verdict } from "@ringwall/protocol/agent";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flowBatch, type TestFlow } from "../../controller/src/testing/flow-batches.ts";
import {
  type AgentClient,
  enrollAgent,
  type Listening,
  listen,
} from "../../controller/src/testing/test-agent.ts";
import {
  createTestToken,
  startTestController,
  type TestController,
} from "../../controller/src/testing/test-controller.ts";
import { buildConsole, hasChromium, launchBrowser, type OpenPage, openPage } from "./console-under-test.ts";

const HOSTS = { "web-1": "10.9.1.11", "app-1": "10.9.2.7", "db-1": "10.9.3.4" } as const;
type Host = keyof typeof HOSTS;

/** The console on a real controller, which gets its flows over the agents' protocol as it would from real hosts. */
describe.skipIf(!hasChromium)("the console on a real controller", () => {
  let browser: Browser;
  let controller: TestController;
  let opened: OpenPage;
  const agents = new Map<Host, { readonly client: AgentClient; readonly listening: Listening }>();
  let batches = 0;

  async function report(host: Host, flows: readonly TestFlow[]): Promise<void> {
    batches += 1;
    await agents.get(host)?.client.reportFlows(flowBatch(host, `batch-${batches}`, flows));
  }

  async function signInUrl(): Promise<string> {
    const { data } = await controller.client.POST("/api/v1/sign-in-links");
    if (data === undefined) throw new Error("the controller gave no sign-in link");
    return data.url;
  }

  beforeAll(async () => {
    buildConsole();
    browser = await launchBrowser();
    controller = await startTestController({ consoleDir: path.resolve(import.meta.dirname, "../dist") });
    for (const host of Object.keys(HOSTS) as Host[]) {
      const token = await createTestToken(controller, { workload: host });
      const [role = ""] = host.split("-");
      const { client } = await enrollAgent(controller.agentsUrl, token, host, {
        addresses: [HOSTS[host]],
        labels: { app: "shop", role },
      });
      const listening = listen(client, host);
      await listening.until(() => listening.policies.length > 0);
      await client.reportStatus({
        workload: host,
        generation: BigInt(listening.policies[0]?.generation ?? 0),
        addresses: [HOSTS[host]],
      });
      agents.set(host, { client, listening });
    }
    await threeTiers();
    opened = await openPage(browser, await signInUrl());
  });

  afterAll(async () => {
    for (const { listening } of agents.values()) listening.stop();
    await opened?.close();
    await browser?.close();
    await controller?.remove();
  });

  /** Web calls app, app calls database; both ends report what they saw. */
  async function threeTiers(): Promise<void> {
    const { "web-1": web, "app-1": app, "db-1": db } = HOSTS;
    const nginx = "/usr/sbin/nginx";
    const api = "/opt/shop/shop-api";
    const postgres = "/usr/lib/postgresql/15/bin/postgres";
    await report("web-1", [
      { direction: "outbound", local: web, peer: app, port: 8080, exe: nginx, count: 40 },
    ]);
    await report("app-1", [
      { direction: "inbound", local: app, peer: web, port: 8080, exe: api, count: 40 },
      { direction: "outbound", local: app, peer: db, port: 5432, exe: api, count: 80 },
    ]);
    await report("db-1", [
      { direction: "inbound", local: db, peer: app, port: 5432, exe: postgres, count: 80 },
    ]);
  }

  it("signs in by the one-time link, and only once", async () => {
    await opened.page.getByRole("heading", { level: 1, name: "Map" }).waitFor();
    expect(new URL(opened.page.url()).pathname).toBe("/");
    const link = await signInUrl();
    const first = await openPage(browser, link);
    await first.page.getByRole("heading", { level: 1, name: "Map" }).waitFor();
    await first.close();
    const second = await openPage(browser, link);
    await second.page.getByRole("alert").getByText("has been used").waitFor();
    await second.close();
  });

  it("shows the reported connections with the software of both ends", async () => {
    const { page } = opened;
    await page.getByText("3 connected").waitFor();
    const web = page.getByRole("region", { name: /^web-1/ });
    await web.getByRole("button", { name: /nginx/ }).waitFor();
    await page
      .getByRole("region", { name: /^db-1/ })
      .getByRole("button", { name: /postgres.*tcp\/5432/ })
      .waitFor();
    const link = page.getByRole("button", { name: /nginx on web-1 to .*shop-api on app-1, allowed$/ });
    await link.dispatchEvent("click");
    const details = page.getByRole("complementary", { name: "Details" });
    await details.getByText("tcp/8080").waitFor();
    await details.getByRole("button", { name: "close details" }).click();
  });

  it("shows what an agent reports while somebody looks", async () => {
    const { page } = opened;
    await page.getByRole("status").getByText("live").waitFor();
    await report("app-1", [
      {
        direction: "outbound",
        local: HOSTS["app-1"],
        peer: "198.51.100.7",
        port: 443,
        exe: "/usr/bin/curl",
        verdict: Verdict.WOULD_BLOCK,
      },
    ]);
    const app = page.getByRole("region", { name: /^app-1/ });
    await app.getByRole("button", { name: /curl/ }).waitFor();
    await page
      .getByRole("button", { name: /curl on app-1 to .*, would-block$/ })
      .waitFor({ state: "attached" });
  });

  it("lists flows, workloads and software as the controller has them", async () => {
    const { page } = opened;
    await page.getByRole("link", { name: "Flows" }).first().click();
    const flows = page.getByRole("table", { name: "Flows" });
    await flows.getByRole("row").filter({ hasText: "postgres" }).first().waitFor();
    await page.getByRole("link", { name: "Workloads" }).first().click();
    const workloads = page.getByRole("table", { name: "Workloads" });
    const database = workloads.getByRole("row").filter({ hasText: "db-1" });
    await database.getByText("app=shop role=db").waitFor();
    // Another host that enrols may be news to this one, so both are right.
    await database.getByText(/^(connected|behind)$/).waitFor();
    await page.getByRole("link", { name: "Software" }).first().click();
    const software = page.getByRole("table", { name: "Software" });
    await software.getByRole("row").filter({ hasText: "/usr/sbin/nginx" }).getByText("hash-only").waitFor();
  });

  /** Rejects the rule to the database, sees the draft without it, and takes it back. */
  async function reviewed(page: Page): Promise<void> {
    const draft = async () => (await controller.client.GET("/api/v1/draft")).data?.text ?? "";
    await page.getByRole("link", { name: "Review" }).first().click();
    const rules = page.getByRole("table", { name: "Proposed rules" });
    await rules.getByRole("row").filter({ hasText: "tcp/5432" }).click();
    const panel = page.getByRole("complementary", { name: "Rule" });
    await panel.getByText(/80 connections of 1 edge on 1 day/).waitFor();
    const link = page.url();
    await panel.getByRole("textbox", { name: "Reason of a rejection" }).fill("only the report may do this");
    await panel.getByRole("button", { name: "Reject" }).click();
    await page.getByText("Remembered rejections 1").waitFor();
    expect(await draft()).not.toContain("tcp/5432");
    // The link that somebody was sent shows the rule with the word that was said.
    await page.goto(link);
    await panel.getByText("only the report may do this").waitFor();
    await panel.getByText("by console").waitFor();
    await panel.getByRole("button", { name: "Take it back into the draft" }).click();
    await page.getByText("Remembered rejections 0").waitFor();
    expect(await draft()).toContain("tcp/5432");
  }

  it("follows a policy from the proposal to its confirmation", async () => {
    const { page } = opened;
    const { client } = controller;
    const learned = await client.POST("/api/v1/learn", { body: {} });
    expect(learned.error).toBeUndefined();
    await page.getByText("draft changed").waitFor();
    await reviewed(page);
    const provisioned = await client.POST("/api/v1/provision", {
      body: { note: "first policy", confirmWithinSeconds: 120 },
    });
    expect(provisioned.error).toBeUndefined();
    const banner = page.getByRole("region", { name: "Waiting for confirmation" });
    await banner.getByRole("timer").waitFor();
    await client.POST("/api/v1/confirm");
    await banner.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Revisions" }).first().click();
    const revisions = page.getByRole("table", { name: "Revisions" });
    await revisions.getByRole("row").filter({ hasText: "first policy" }).getByText("live").waitFor();
    await page.getByRole("link", { name: "Segments" }).first().click();
    await page.getByRole("table", { name: "Segments" }).getByText("observe").first().waitFor();
    await page.getByRole("link", { name: "Policies" }).first().click();
    await page.getByText("allow", { exact: true }).first().waitFor();
  });

  it("opens a link that has an address in its filter", async () => {
    const { page } = opened;
    await page.goto(`${controller.usersUrl}/flows?q=${HOSTS["db-1"]}`);
    const flows = page.getByRole("table", { name: "Flows" });
    await flows.getByRole("row").filter({ hasText: "db-1" }).first().waitFor();
  });

  it("raises an alert for what was blocked", async () => {
    const { page } = opened;
    await report("db-1", [
      {
        direction: "inbound",
        local: HOSTS["db-1"],
        peer: HOSTS["web-1"],
        port: 5432,
        exe: "/usr/lib/postgresql/15/bin/postgres",
        verdict: Verdict.BLOCKED,
        alert: true,
      },
    ]);
    await page.getByRole("link", { name: "Alerts" }).first().click();
    const alerts = page.getByRole("table", { name: "Alerts" });
    await alerts.getByRole("row").filter({ hasText: "blocked" }).first().waitFor();
  });

  it("never made the browser complain", () => {
    expect(opened.complaints).toEqual([]);
  });
});
