// The built console on the mock API: `npm run demo -w packages/console [SCENARIO] [PORT]`.
import { isMockScenario, startMockState } from "./scenarios.ts";
import { serveMock } from "./serve.ts";
import { announce, type MockState } from "./types.ts";

const TICK_MS = 3_000;
const [scenario = "three-tier", port = "7482"] = process.argv.slice(2);
if (!isMockScenario(scenario)) {
  console.error(`no scenario \`${scenario}\``);
  process.exit(2);
}
const state = startMockState(scenario, Date.now());
const served = await serveMock(state, Number(port));
setInterval(() => liven(state), TICK_MS);
console.log(`console on the mock API (${scenario}): ${served.url}`);

/** Traffic goes on: counts rise, and the edges were seen just now. */
function liven(current: MockState): void {
  const now = new Date().toISOString();
  current.edges = current.edges.map((edge, index) =>
    index % 3 === 0 ? { ...edge, count: edge.count + 1, lastSeen: now } : edge,
  );
  announce(current, "flows");
}
