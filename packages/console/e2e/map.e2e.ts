import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { MockScenario } from "../mock/scenarios.ts";
import { announce } from "../mock/types.ts";
import { CARD, heightOfCard } from "../src/util/diagram-types.ts";
import { buildConsole, hasChromium, launchBrowser, type Mocked, openMocked } from "./console-under-test.ts";

/** Two clicks within this time are one double click, which zooms. */
const DOUBLE_CLICK_MS = 400;

describe.skipIf(!hasChromium)("the map", () => {
  let browser: Browser;
  let mocked: Mocked | null = null;

  beforeAll(async () => {
    buildConsole();
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    expect(mocked?.complaints).toEqual([]);
    await mocked?.close();
    mocked = null;
  });

  async function open(scenario: MockScenario, path = "/"): Promise<Page> {
    mocked = await openMocked(browser, scenario, path);
    return mocked.page;
  }

  it("shows workloads with their software, and connections in their three outcomes", async () => {
    const page = await open("three-tier");
    const web = page.getByRole("region", { name: "web-1, shop-web" });
    await web.getByRole("button", { name: /^nginx/ }).waitFor();
    const link = (name: string) => page.getByRole("button", { name, exact: true });
    await link("nginx on web-1 to shop-api on app-1, allowed").waitFor();
    await link("shop-worker on app-1 to internet, would-block").waitFor();
    await link("report.py on app-2 to postgres on db-1, blocked").waitFor();
  });

  it("draws the three outcomes in colours of their own, with a legend that says which", async () => {
    const page = await open("three-tier");
    await page.getByRole("button", { name: "report.py on app-2 to postgres on db-1, blocked" }).waitFor();
    const strokes = await page.evaluate(() =>
      ["allowed", "would-block", "blocked"].map((outcome) => {
        const drawn = document.querySelector(`g[data-outcome="${outcome}"] path[marker-end]`);
        const legend = document.querySelector(`fieldset svg[data-outcome="${outcome}"]`);
        if (drawn === null || legend === null) return ["missing", outcome];
        return [getComputedStyle(drawn).stroke, getComputedStyle(legend).stroke];
      }),
    );
    expect(new Set(strokes.map(([drawn]) => drawn)).size).toBe(3);
    for (const [drawn, legend] of strokes) expect(legend).toBe(drawn);
  });

  it("tells on a click which software is at both ends, ports, rule, counts, bytes and when", async () => {
    const page = await open("three-tier");
    const link = page.getByRole("button", { name: "shop-api on app-1 to postgres on db-1, allowed" });
    await link.dispatchEvent("click");
    const panel = page.getByRole("complementary", { name: "Details" });
    const text = await panel.textContent();
    for (const fact of ["shop-api", "app-1", "postgres", "db-1", "tcp/5432", "shop/API reads the database"]) {
      expect(text).toContain(fact);
    }
    expect(text).toContain("12,400");
    expect(text).toMatch(/MiB out|KiB out/);
    expect(text).toMatch(/ago/);
    await panel.getByRole("button", { name: "postgres" }).click();
    await panel.getByText("/usr/lib/postgresql/15/bin/postgres").waitFor();
    await panel.getByRole("button", { name: "close details" }).click();
    await panel.waitFor({ state: "detached" });
  });

  it("opens the panel where a line is clicked with the mouse", async () => {
    const page = await open("three-tier");
    const link = page.getByRole("button", { name: "ssh on jump-1 to sshd on app-1, allowed" });
    await link.waitFor();
    const point = await link.locator("path[marker-end]").evaluate((path: SVGPathElement) => {
      const at = path.getPointAtLength(path.getTotalLength() * 0.1);
      const screen = at.matrixTransform(path.getScreenCTM() ?? undefined);
      return { x: screen.x, y: screen.y };
    });
    await page.mouse.click(point.x, point.y);
    await page.getByRole("complementary", { name: "Details" }).getByText("essential/management").waitFor();
  });

  it("keeps filters in the address, so that a link shows the same", async () => {
    const page = await open("three-tier");
    await page.getByRole("button", { name: /^allowed/ }).click();
    await page.getByRole("searchbox", { name: "Workload, software, port, rule" }).fill("nmap");
    await page.getByText("2 of 20 connections").waitFor();
    expect(new URL(page.url()).search).toBe("?outcome=would-block%2Cblocked&q=nmap");
    await page.reload();
    await page.getByText("2 of 20 connections").waitFor();
    expect(await page.getByRole("region", { name: /^web-2/ }).count()).toBe(0);
  });

  it("looks only as far back as it is told to", async () => {
    const page = await open("three-tier", "/?since=15m");
    await page.getByText("10 connections", { exact: true }).waitFor();
    await page.getByText("24h", { exact: true }).click();
    await page.getByText("20 connections", { exact: true }).waitFor();
  });

  it("filters by segment and groups by segment", async () => {
    const page = await open("three-tier");
    await page.getByRole("combobox", { name: "Segment" }).click();
    await page.getByRole("option", { name: "shop-backup" }).click();
    await page.getByText("1 of 20 connections").waitFor();
    expect(new URL(page.url()).search).toBe("?segment=shop-backup");
    await page.goto(`${mocked?.url}/?group=segment`);
    await page.getByRole("region", { name: "shop-web, 2 workloads" }).waitFor();
  });

  it("has the same connections in a table that the keyboard can walk", async () => {
    const page = await open("three-tier", "/?view=table");
    const table = page.getByRole("table", { name: "Connections" });
    await table.getByRole("row").nth(1).waitFor();
    expect(await table.getAttribute("aria-rowcount")).toBe("21");
    await table.getByRole("button", { name: "Count" }).click();
    await table.getByRole("button", { name: "Count" }).click();
    const first = table.getByRole("row").nth(1);
    await first.getByText("48,210").waitFor();
    await first.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("complementary", { name: "Details" }).getByText("customers reach the web").waitFor();
  });

  it("shows a new connection without a reload", async () => {
    const page = await open("three-tier");
    await page.getByText("20 connections", { exact: true }).waitFor();
    await page.getByRole("status").getByText("live").waitFor();
    if (mocked === null) return;
    const [like] = mocked.state.edges;
    if (like === undefined) throw new Error("bug: the scenario has edges");
    mocked.state.edges = [
      ...mocked.state.edges,
      {
        ...like,
        source: "backup-1",
        sourceSoftware: "curl",
        destination: "internet",
        destinationSoftware: null,
      },
    ];
    announce(mocked.state, "flows");
    await page
      .getByRole("region", { name: /^backup-1/ })
      .getByRole("button", { name: /^curl/ })
      .waitFor();
    await page.getByText("21 connections", { exact: true }).waitFor();
  });

  it("shows what happened after its first answer and before it listened", async () => {
    const page = await open("three-tier");
    let letThrough = () => {};
    const gate = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    await page.route("**/api/v1/events", async (route) => {
      await gate;
      await route.continue();
    });
    await page.reload();
    await page.getByText("20 connections", { exact: true }).waitFor();
    if (mocked === null) return;
    mocked.state.edges = mocked.state.edges.slice(0, 12);
    letThrough();
    await page.getByText("12 connections", { exact: true }).waitFor();
  });

  it("says what to type where there is nothing yet, and where nothing fits", async () => {
    const page = await open("empty");
    await page.getByRole("heading", { name: "No traffic seen yet" }).waitFor();
    await page.getByText("ringwall token create").waitFor();
    await mocked?.close();
    const other = await open("three-tier", "/?q=nobody");
    await other.getByRole("button", { name: "Show everything" }).click();
    await other.getByText("20 connections", { exact: true }).waitFor();
  });

  it("tells a newcomer what comes next", async () => {
    const page = await open("one-host");
    await page.getByText("No policy yet: nothing is refused").waitFor();
    await page.getByText("ringwall learn", { exact: true }).waitFor();
  });

  it.each<MockScenario>(["one-host", "three-tier", "medium"])(
    "never writes over other text: %s",
    async (scenario) => {
      const page = await open(scenario);
      await page.locator('[data-testid="diagram"][data-ready="true"]').waitFor();
      await page.getByRole("region").first().waitFor();
      const collisions = await page.evaluate(textCollisions);
      expect(collisions.boxes).toBeGreaterThan(4);
      expect(collisions.pairs).toEqual([]);
      expect(collisions.pixels).toBeGreaterThan(scenario === "medium" ? 8 : 6.5);
    },
  );

  it("gives cards the sizes that the layout counts with", async () => {
    const page = await open("one-host");
    const card = page.getByRole("region", { name: "debian" });
    await card.waitFor();
    const size = await card.evaluate((element: HTMLElement) => ({
      width: element.offsetWidth,
      height: element.offsetHeight,
      rows: element.querySelectorAll("button").length - 1,
      content: element.scrollHeight,
    }));
    expect(size.width).toBe(CARD.width);
    expect(size.height).toBe(heightOfCard(size.rows));
    expect(size.content).toBeLessThanOrEqual(size.height);
  });

  it("moves and zooms, and finds back", async () => {
    const page = await open("three-tier");
    const card = page.getByRole("region", { name: /^web-1/ });
    await card.waitFor();
    const before = await card.boundingBox();
    await page.getByRole("button", { name: "zoom in" }).click();
    const zoomed = await card.boundingBox();
    expect(zoomed?.width).toBeGreaterThan(before?.width ?? 0);
    await page.mouse.move(700, 780);
    await page.mouse.down();
    await page.mouse.move(800, 700, { steps: 4 });
    await page.mouse.up();
    expect((await card.boundingBox())?.x).toBeCloseTo((zoomed?.x ?? 0) + 100, 0);
    await page.getByRole("button", { name: "fit to the window" }).click();
    await expect.poll(async () => (await card.boundingBox())?.x).toBeCloseTo(before?.x ?? 0, 0);
  });

  it("draws 10,000 workloads", async () => {
    const page = await open("large");
    await page.locator('[data-drawn="10002"]').waitFor({ state: "attached" });
    expect(await page.getByText("25,678 connections").count()).toBe(1);
  });

  it("leads from a segment's disc to the segment's own diagram", async () => {
    const page = await open("medium", "/?view=overview");
    await page.locator("[data-drawn]").waitFor({ state: "attached" });
    const pane = await page.getByTestId("overview").boundingBox();
    if (pane === null) throw new Error("the overview has no size");
    // Where discs are is the layout's business; on a grid one is soon met. Clicks in haste would be a double click.
    const points = Array.from(
      { length: 60 },
      (_, index) => [((index % 10) + 0.5) / 10, Math.floor(index / 10)] as const,
    );
    for (const [across, down] of points) {
      if (new URL(page.url()).searchParams.has("segment")) break;
      await page.mouse.click(pane.x + pane.width * across, pane.y + (pane.height * (down + 0.5)) / 6);
      await page.waitForTimeout(DOUBLE_CLICK_MS);
    }
    expect(new URL(page.url()).searchParams.get("segment")).toMatch(/^app\d-/);
  });

  it("lets the keyboard select software in the diagram", async () => {
    const page = await open("three-tier");
    const row = page
      .getByRole("region", { name: "db-1, shop-db" })
      .getByRole("button", { name: /^postgres/ });
    await row.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("complementary", { name: "Details" }).getByText("postgresql-15").waitFor();
    expect(await row.getAttribute("aria-pressed")).toBe("true");
  });
});

/** Runs in the page: pairs of texts whose boxes meet, and the smallest text in screen pixels. */
function textCollisions(): { boxes: number; pairs: string[]; pixels: number } {
  const texts = [...document.querySelectorAll<HTMLElement>("section button > span")].filter(
    (span) => span.checkVisibility({ visibilityProperty: true }) && span.textContent !== "",
  );
  const scale = (element: HTMLElement) =>
    element.getBoundingClientRect().width / Math.max(1, element.offsetWidth);
  const boxes = texts.map((span) => ({ text: span.textContent, box: span.getBoundingClientRect() }));
  const pairs = boxes.flatMap((one, index) =>
    boxes
      .slice(index + 1)
      .filter(
        (two) =>
          one.box.left < two.box.right &&
          two.box.left < one.box.right &&
          one.box.top < two.box.bottom &&
          two.box.top < one.box.bottom,
      )
      .map((two) => `${one.text} / ${two.text}`),
  );
  const sizes = texts.map((span) => Number.parseFloat(getComputedStyle(span).fontSize) * scale(span));
  return { boxes: boxes.length, pairs, pixels: Math.min(...sizes) };
}
