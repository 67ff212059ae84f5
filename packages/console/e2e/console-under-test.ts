import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { type MockScenario, startMockState } from "../mock/scenarios.ts";
import { type ServedMock, serveMock } from "../mock/serve.ts";
import type { MockState } from "../mock/types.ts";

const CHROMIUM = process.env["RINGWALL_CHROMIUM"] ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const root = path.resolve(import.meta.dirname, "../../..");

/** False where this machine has no Chromium; says so by name, because the tests then say nothing about the console. */
export const hasChromium = existsSync(CHROMIUM);
if (!hasChromium)
  console.warn(`skipped: ${CHROMIUM} is not installed, so no browser test ran (make setup installs it)`);

/** The console as it stands in the sources; quick when it is built already. */
export function buildConsole(): void {
  const result = spawnSync(process.execPath, [path.join(root, "scripts/build-console.ts")], {
    encoding: "utf8",
  });
  if (result.status !== 0) throw new Error(`the console does not build: ${result.stdout}${result.stderr}`);
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

export type OpenPage = {
  readonly page: Page;
  /** What the browser complained about: errors, refused requests, breaches of the content security policy. */
  readonly complaints: string[];
  close(): Promise<void>;
};

const VIEWPORT = { width: 1440, height: 860 } as const;

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: VIEWPORT, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

export type Mocked = OpenPage & {
  readonly state: MockState;
  readonly url: string;
  readonly served: ServedMock;
};

/** A page on the built console with the mock API behind it, in a scenario of its own. */
export async function openMocked(
  browser: Browser,
  scenario: MockScenario,
  path = "/",
  options: BrowserContextOptions = {},
): Promise<Mocked> {
  const state = startMockState(scenario, Date.now());
  const served = await serveMock(state);
  const opened = await openPage(browser, served.url + path, options);
  return {
    ...opened,
    state,
    url: served.url,
    served,
    close: async () => {
      await opened.close();
      await served.close();
    },
  };
}
