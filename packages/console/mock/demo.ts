// The built console on the mock API: `npm run demo -w packages/console [SCENARIO] [PORT]`.
import { BadArgument, parseWhole, takeArguments } from "@ringwall/model/testing/arguments";
import { isMockScenario, scenarioNames, startMockState } from "./scenarios.ts";
import { serveMock } from "./serve.ts";
import { announce, type MockState } from "./types.ts";

const TICK_MS = 3_000;
const PORT_MAX = 65_535;
const { scenario, port } = takeArguments(process, "[SCENARIO] [PORT]", () => {
  const [name = "three-tier", at = "7482", ...more] = process.argv.slice(2);
  if (!isMockScenario(name))
    throw new BadArgument(`no scenario \`${name}\`; there are ${scenarioNames.join(", ")}`);
  if (more.length > 0) throw new BadArgument(`nothing is left for \`${more[0]}\` to mean`);
  return { scenario: name, port: parseWhole("PORT", at, 0, PORT_MAX) };
});
const state = startMockState(scenario, Date.now());
const served = await serveMock(state, port);
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
