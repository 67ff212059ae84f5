import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildConsole, hasChromium, launchBrowser, type Mocked, openMocked } from "./console-under-test.ts";

describe.skipIf(!hasChromium)("the review of proposed rules", () => {
  let browser: Browser;
  let mocked: Mocked;

  beforeAll(async () => {
    buildConsole();
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    expect(mocked.complaints).toEqual([]);
    await mocked.close();
  });

  async function open(path: string): Promise<Page> {
    mocked = await openMocked(browser, "three-tier", path);
    return mocked.page;
  }
  const tableOf = (page: Page) => page.getByRole("table", { name: "Proposed rules" });
  const panelOf = (page: Page) => page.getByRole("complementary", { name: "Rule" });
  const stateOf = (id: string) => mocked.state.proposal?.rules.find((rule) => rule.id === id)?.state;

  it("shows each rule with its evidence, at an address of its own", async () => {
    const page = await open("/review");
    await page.getByText(/^3 of 5 rules open/).waitFor();
    await tableOf(page).getByRole("row").filter({ hasText: "worker reads the database" }).click();
    await expect
      .poll(() => new URL(page.url()).searchParams.get("rule"))
      .toBe("shop/worker reads the database");
    await page.reload();
    await panelOf(page).getByText("804 connections of 4 edges on 6 days").waitFor();
    await panelOf(page).getByText("81 %").waitFor();
    await panelOf(page)
      .getByRole("region", { name: "The rule in the policy" })
      .getByText("tcp/5432")
      .waitFor();
  });

  it("takes a rejection with its reason only, remembers it, and goes on to the next open rule", async () => {
    const page = await open("/review?rule=shop/worker+reads+the+database");
    const panel = panelOf(page);
    const reject = panel.getByRole("button", { name: "Reject" });
    expect(await reject.isDisabled()).toBe(true);
    await panel.getByRole("textbox", { name: "Reason of a rejection" }).fill("the worker is being retired");
    await reject.click();
    await panel.getByRole("heading", { name: "API reads the database" }).waitFor();
    expect(stateOf("shop/worker reads the database")).toBe("rejected");
    await page.getByText("Remembered rejections 2").click();
    const remembered = page.getByRole("table", { name: "Remembered rejections" });
    const row = remembered.getByRole("row").filter({ hasText: "the worker is being retired" });
    await row.waitFor();
    await row.getByRole("button", { name: "Forget the rejection of worker reads the database" }).click();
    await row.waitFor({ state: "detached" });
    expect(new URL(page.url()).searchParams.get("view")).toBe("rejections");
  });

  it("accepts by keys alone, and takes a word back", async () => {
    const page = await open("/review?state=open");
    await tableOf(page).getByRole("row").filter({ hasText: "API reads the database" }).focus();
    await page.keyboard.press("Enter");
    await panelOf(page).getByRole("button", { name: "Accept" }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => stateOf("shop/API reads the database")).toBe("accepted");
    await page.getByText(/^2 of 5 rules open/).waitFor();
    await page.getByText("accepted 2", { exact: true }).click();
    await expect.poll(() => new URL(page.url()).searchParams.get("state")).toBe("accepted");
    await tableOf(page).getByRole("row").filter({ hasText: "API reads the database" }).click();
    await panelOf(page).getByRole("button", { name: "Open it again" }).click();
    await expect.poll(() => stateOf("shop/API reads the database")).toBe("open");
  });

  it("says what the controller has against it", async () => {
    const page = await open("/review?rule=shop/worker+reads+the+database");
    await panelOf(page).getByRole("button", { name: "Accept" }).waitFor();
    const { proposal } = mocked.state;
    if (proposal !== null) mocked.state.proposal = { ...proposal, rules: [] };
    await panelOf(page).getByRole("button", { name: "Accept" }).click();
    await panelOf(page).getByRole("alert").getByText("no such rule was proposed").waitFor();
    // The browser reports the refused request itself.
    mocked.complaints.splice(0, mocked.complaints.length);
  });

  it("shows what was set aside, the suspicious first, with the reason in words", async () => {
    const page = await open("/review?view=set-aside");
    const first = page.getByRole("table", { name: "Set aside" }).getByRole("row").nth(1);
    await first.getByText("suspicious").waitFor();
    await first.getByText(/tried many addresses and ports/).waitFor();
  });
});
