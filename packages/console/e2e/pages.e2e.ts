import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { fleet } from "../mock/fleet.ts";
import type { MockScenario } from "../mock/scenarios.ts";
import { serveMock } from "../mock/serve.ts";
import { announce } from "../mock/types.ts";
import { buildConsole, hasChromium, launchBrowser, type Mocked, openMocked } from "./console-under-test.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PAGES = [
  "Map",
  "Segments",
  "Workloads",
  "Software",
  "Flows",
  "Review",
  "Policies",
  "Alerts",
  "Revisions",
] as const;

describe.skipIf(!hasChromium)("the console's pages", () => {
  let browser: Browser;
  let mocked: Mocked | null = null;

  beforeAll(async () => {
    buildConsole();
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    await mocked?.close();
    mocked = null;
  });

  async function open(scenario: MockScenario, path = "/", scheme: "light" | "dark" = "light"): Promise<Page> {
    mocked = await openMocked(browser, scenario, path, { colorScheme: scheme });
    return mocked.page;
  }

  it.each(["light", "dark"] as const)(
    "are reached by their names, without a complaint of the browser or of the accessibility checker: %s",
    async (scheme) => {
      const page = await open("three-tier", "/", scheme);
      for (const name of PAGES) {
        await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).click();
        await page.getByRole("heading", { level: 1, name }).waitFor();
        expect(await accessibilityProblems(page), `${name}, ${scheme}`).toEqual([]);
      }
      expect(mocked?.complaints).toEqual([]);
    },
  );

  it.each([
    ["pending", "/?sel=db-1", "Details"],
    ["three-tier", "/?view=table&sel=db-1", "Connections"],
    ["three-tier", "/review?rule=shop/worker+reads+the+database", "Rule"],
    ["three-tier", "/workloads?sel=db-1", "Host"],
    ["three-tier", "/review?view=rejections", "Remembered rejections"],
    ["three-tier", "/review?view=set-aside", "Set aside"],
    ["signed-out", "/?sign-in=failed", "Sign in"],
    ["empty", "/", "Pages"],
  ] as const)("are accessible in other states, too: %s at %s", async (scenario, path, landmark) => {
    for (const scheme of ["light", "dark"] as const) {
      const page = await open(scenario, path, scheme);
      await page.getByLabel(landmark, { exact: true }).first().waitFor();
      expect(await accessibilityProblems(page), scheme).toEqual([]);
      await mocked?.close();
      mocked = null;
    }
  });

  it("ask nothing of any other server", async () => {
    const page = await open("three-tier");
    const foreign: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(mocked?.url ?? "")) foreign.push(request.url());
    });
    for (const name of PAGES) {
      await page.getByRole("link", { name }).first().click();
      await page.getByRole("heading", { level: 1, name }).waitFor();
    }
    expect(foreign).toEqual([]);
  });

  it.each([
    ["/segments", "ringwall learn"],
    ["/workloads", "ringwall token create"],
    ["/software", "ringwall status"],
    ["/flows", "ringwall get flows"],
    ["/policies", "ringwall learn"],
    ["/review", "ringwall learn"],
    ["/alerts", "ringwall mode SEGMENT alert"],
    ["/revisions", "ringwall provision"],
  ])("say at %s what to type while there is nothing: %s", async (path, command) => {
    const page = await open("empty", path);
    await page.getByText(command, { exact: true }).waitFor();
  });

  it("lead to the sign-in page without a session, and say why a link did not work", async () => {
    const page = await open("signed-out", "/?sign-in=failed");
    await page.getByRole("heading", { name: "Sign in to Ringwall" }).waitFor();
    await page.getByRole("alert").getByText("has been used").waitFor();
    await page.getByText("ringwall sign-in", { exact: true }).waitFor();
  });

  it("lead to the sign-in page when the session ends under way", async () => {
    const page = await open("three-tier", "/segments");
    await page.getByRole("heading", { level: 1, name: "Segments" }).waitFor();
    if (mocked !== null) mocked.state.signedIn = false;
    await page.getByRole("link", { name: "Revisions" }).first().click();
    await page.getByRole("heading", { name: "Sign in to Ringwall" }).waitFor();
  });

  it("count down to the revert of a change that waits, and stop when it is confirmed", async () => {
    const page = await open("pending");
    const banner = page.getByRole("region", { name: "Waiting for confirmation" });
    await banner.getByText("mode shop-app block").waitFor();
    const before = await banner.getByRole("timer").textContent();
    await expect.poll(() => banner.getByRole("timer").textContent()).not.toBe(before);
    await banner.getByText("ringwall confirm", { exact: true }).waitFor();
    await page.getByRole("status").getByText("live").waitFor();
    if (mocked === null) return;
    mocked.state.status = { ...mocked.state.status, pending: null };
    announce(mocked.state, "status");
    await banner.waitFor({ state: "detached" });
  });

  it("say how many agents are away and behind", async () => {
    const page = await open("pending", "/workloads");
    await page.getByText("1 away").waitFor();
    await page.getByText("1 behind").waitFor();
    const row = page.getByRole("row").filter({ hasText: "web-1" });
    await row.getByText("no heartbeat for 40 s").waitFor();
    await row.getByText("14 of 15").waitFor();
  });

  it("say what a host's kernel lacks, and where proofs arrive, at an address of its own", async () => {
    const page = await open("three-tier", "/workloads?sel=db-1");
    const host = page.getByRole("complementary", { name: "Host" });
    await host.getByText("6.1.0-28-amd64").waitFor();
    const lacks = host.getByRole("region", { name: "What this kernel lacks" });
    await lacks.getByText(/refuse-exec.*killed just after they have started/).waitFor();
    const paths = host.getByRole("region", { name: "Proofs between hosts" });
    await paths.getByRole("listitem").filter({ hasText: "backup-1 → db-1" }).getByText("stripped").waitFor();
    await host.getByRole("button", { name: "close host" }).click();
    await host.waitFor({ state: "detached" });
    await page.getByRole("row").filter({ hasText: "app-2" }).click();
    await host.getByRole("heading", { name: "app-2" }).waitFor();
    expect(new URL(page.url()).searchParams.get("sel")).toBe("app-2");
    // The name in the row is a link of its own.
    await page.getByRole("link", { name: "web-2" }).click();
    await page.getByRole("heading", { level: 1, name: "Flows" }).waitFor();
    expect(new URL(page.url()).search).toBe("?workload=web-2");
  });

  it.each([
    [1440, "/workloads", []],
    [1280, "/workloads", ["Generation"]],
    [1024, "/workloads", ["Level", "Labels", "Generation", "Last seen"]],
    [
      1024,
      "/workloads?sel=web-1",
      ["Level", "Addresses", "Labels", "Segments", "Generation", "Last seen", "Problem"],
    ],
  ])(
    "have room for the workloads at %i px, and name the columns that leave: %s",
    async (width, path, gone) => {
      mocked = await openMocked(browser, "pending", path, { viewport: { width, height: 800 } });
      const { page } = mocked;
      const table = page.getByRole("table", { name: "Workloads" });
      await table.getByRole("row").nth(1).waitFor();
      const said = page.getByText("No room here for");
      if (gone.length > 0)
        await page.getByText(`No room here for ${gone.join(", ")}: widen the window, or`).waitFor();
      else expect(await said.count()).toBe(0);
      for (const always of ["Workload", "Agent", "Inbound", "Outbound"])
        await table.getByRole("columnheader", { name: always, exact: true }).waitFor();
      const tooWide = await table.evaluate(
        (element) =>
          [document.documentElement, element.parentElement, element].filter(
            (one) => one !== null && one.scrollWidth > one.clientWidth,
          ).length,
      );
      expect(tooWide).toBe(0);
      if (!path.includes("sel=")) return;
      const host = page.getByRole("complementary", { name: "Host" });
      for (const text of ["10.0.1.11", "app=shop role=web", "shop-web", "14 of 15", "no heartbeat for 40 s"])
        await host.getByText(text).waitFor();
    },
  );

  it("hold only the rows in view of a long list", async () => {
    const page = await open("three-tier", "/workloads");
    if (mocked === null) return;
    const { workloads } = fleet(5_000, Date.now());
    mocked.state.workloads = workloads;
    await page.reload();
    const table = page.getByRole("table", { name: "Workloads" });
    await table.getByRole("row").nth(1).waitFor();
    expect(await table.getAttribute("aria-rowcount")).toBe("5001");
    expect(await table.getByRole("row").count()).toBeLessThan(80);
    const last = workloads.toSorted((left, right) => (left.name < right.name ? 1 : -1))[0]?.name ?? "";
    await table.getByRole("button", { name: "Workload", exact: true }).click();
    await table.getByRole("button", { name: "Workload", exact: true }).click();
    await table.getByRole("row").nth(1).getByText(last, { exact: true }).waitFor();
  });

  it("filter flows by the address bar", async () => {
    const page = await open("three-tier", "/flows?workload=db-1&verdict=blocked");
    const table = page.getByRole("table", { name: "Flows" });
    await table.getByRole("row").nth(1).waitFor();
    expect(await table.getAttribute("aria-rowcount")).toBe("4");
    await page.getByRole("searchbox", { name: "Address, software, port, user" }).fill("nmap");
    await expect.poll(() => table.getAttribute("aria-rowcount")).toBe("2");
    expect(new URL(page.url()).search).toBe("?workload=db-1&verdict=blocked&q=nmap");
  });

  it("remember the colours that were chosen", async () => {
    const page = await open("three-tier");
    await page.getByRole("button", { name: "dark colours" }).click();
    await page.reload();
    await page.getByRole("button", { name: "light colours" }).waitFor();
  });

  it("say when the controller is gone, and come back with it", async () => {
    const page = await open("three-tier", "/policies");
    const status = page.getByRole("status");
    await status.getByText("live").waitFor();
    if (mocked === null) return;
    await mocked.served.close();
    await status.getByText("no connection to the controller, trying again").waitFor();
    const served = await serveMock(mocked.state, Number(new URL(mocked.url).port));
    await status.getByText("live", { exact: true }).waitFor();
    await page.close();
    await served.close();
  });

  it("say that a page does not exist", async () => {
    const page = await open("three-tier", "/nowhere");
    await page.getByRole("heading", { name: "No such page" }).waitFor();
  });
});

async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const results = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  // A checker that found nothing to check would find nothing wrong, either.
  expect(results.passes.length).toBeGreaterThan(10);
  return results.violations.flatMap((violation) =>
    violation.nodes.map(
      (node) => `${violation.id}: ${node.html.slice(0, 160)} — ${node.failureSummary ?? ""}`,
    ),
  );
}
