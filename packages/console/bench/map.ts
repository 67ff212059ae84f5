// How long a person waits for the map of a large fleet: from the click to the first frame that shows it.
//   scripts/node packages/console/bench/map.ts [WORKLOADS] [ROUNDS]     (default 10000 7; the console must be built)
import { createHash } from "node:crypto";
import { cpus, loadavg } from "node:os";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import type { Browser, Page } from "playwright-core";
import { hasChromium, launchBrowser, openPage } from "../e2e/console-under-test.ts";
import { fleet } from "../mock/fleet.ts";
import { serveMock } from "../mock/serve.ts";

type Round = { readonly firstFrameMs: number; readonly answerMs: number; readonly cpuMs: number };

const { workloads, rounds } = takeNumbers(process, { workloads: 10_000, rounds: 7 });
if (!hasChromium) process.exit(0);
const started = Date.now();
const state = fleet(workloads, started);
const served = await serveMock(state);
const browser = await launchBrowser();
const results: Round[] = [];
try {
  // The first round warms the browser's code cache and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const result = await measure(browser, served.url);
    if (round > 0) results.push(result);
  }
} finally {
  await browser.close();
  await served.close();
}
const drawn = state.edges.map((edge) => `${edge.source} ${edge.destination} ${edge.outcome}`).join("\n");
console.log(`machine: ${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, drawing by software`);
console.log(
  `load: ${loadavg()[0]?.toFixed(1)} runnable on average in the last minute; other work lengthens the figures`,
);
console.log(`scale: ${workloads} workloads, ${state.edges.length} connections, ${rounds} rounds`);
console.log(`hash: ${createHash("sha256").update(drawn).digest("hex").slice(0, 16)}`);
console.log(`click to first frame: ${spread(results.map((result) => result.firstFrameMs))} (goal ≤ 1000 ms)`);
console.log(
  `  CPU of the page's main thread, whatever else runs: ${spread(results.map((result) => result.cpuMs))}`,
);
console.log(`  the API's answer: ${spread(results.map((result) => result.answerMs))}`);

/** A fresh page each time, on another page of the console, so that the map's data is not there yet. */
async function measure(chromium: Browser, url: string): Promise<Round> {
  const { page, close } = await openPage(chromium, `${url}/revisions`);
  await page.getByRole("link", { name: "Map" }).waitFor();
  const cpu = await cpuClock(page);
  const before = await cpu();
  const result = await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const link = [...document.querySelectorAll<HTMLAnchorElement>("nav a")].find(
      (item) => item.textContent === "Map",
    );
    const begin = performance.now();
    // By script, so that no hover fetches the data ahead of the click.
    link?.click();
    while (document.querySelector("[data-drawn]") === null) await frame();
    await frame();
    const firstFrameMs = performance.now() - begin;
    const [answer] = performance
      .getEntriesByType("resource")
      .filter((entry) => entry.name.includes("/api/v1/map"));
    return { firstFrameMs, answerMs: answer?.duration ?? 0 };
  });
  const cpuMs = (await cpu()) - before;
  await close();
  return { ...result, cpuMs };
}

/** Milliseconds of CPU that the page's main thread has spent: a figure that other work on the machine hardly changes. */
async function cpuClock(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return (metrics.find((metric) => metric.name === "TaskDuration")?.value ?? 0) * 1000;
  };
}

/** `p50 812 ms, 790–845` */
function spread(values: readonly number[]): string {
  const sorted = values.toSorted((left, right) => left - right).map(Math.round);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return `p50 ${median} ms, ${sorted[0] ?? 0}–${sorted.at(-1) ?? 0}`;
}
