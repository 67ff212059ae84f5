import { setTimeout as sleep } from "node:timers/promises";
import { countOrders } from "../apps/database.ts";
import type { Applications } from "../apps/tiers.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Checks } from "../report/checks.ts";
import { onThisMachine } from "../slowness.ts";
import type { NormalUse, Traffic } from "../traffic/driver.ts";

const COLLECTOR_MS_MAX = 5000;
const COLLECTOR_POLL_MS = 100;

/** The last word on normal use: nothing lost, and both ends of the traffic count the same. */
export async function settleAccounts(
  lab: Lab,
  applications: Applications,
  use: NormalUse,
  checks: Checks,
): Promise<Traffic> {
  checks.phase("Afterwards: the accounts of normal use");
  await use.pause();
  const { metricsSent } = JSON.parse(
    await lab.host("app").must(["curl", "-sf", "http://127.0.0.1:8000/api/stats"]),
  ) as { metricsSent: number };
  const received = await metricsReceived(applications, metricsSent);
  const traffic = await use.stop();
  for (const loss of traffic.losses) checks.note(`lost ${loss.time} ${loss.kind}: ${loss.reason}`);
  checks.add({
    tried: "normal use, all kinds",
    expected: "no request lost",
    seen: `${traffic.failed} of ${traffic.sent} lost`,
    passed: traffic.failed === 0 && traffic.sent > 0,
  });
  const orders = await countOrders(lab.host("db"));
  const ordered = traffic.counts["order, IPv6 all the way"]?.ok ?? 0;
  checks.add({
    tried: "orders confirmed to people are in the database",
    expected: `${ordered}`,
    seen: `${orders}`,
    passed: orders === ordered && ordered > 0,
  });
  checks.add({
    tried: "metrics sent by UDP have arrived",
    from: "app",
    to: "backup",
    expected: `${metricsSent}`,
    seen: `${received}`,
    passed: received === metricsSent && received > 0,
  });
  return traffic;
}

async function metricsReceived(applications: Applications, wanted: number): Promise<number> {
  const deadline = Date.now() + onThisMachine(COLLECTOR_MS_MAX);
  for (;;) {
    const line = applications.collector.lines.findLast((candidate) => candidate.startsWith("received "));
    const received = Number(line?.split(" ")[1] ?? 0);
    if (received >= wanted || Date.now() > deadline) return received;
    await sleep(COLLECTOR_POLL_MS);
  }
}
