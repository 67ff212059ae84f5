import { setTimeout as sleep } from "node:timers/promises";
import type { Flow } from "@ringwall/model";
import { flow as flowSchema } from "@ringwall/protocol/rest";
import { onThisMachine } from "../slowness.ts";
import type { Cast } from "./cast.ts";
import { expectedEdges, shows } from "./expected-edges.ts";

/** Normal use is watched for at least this long, so that every kind of it happens several times. */
const WATCH_MS_MIN = onThisMachine(15_000);
const WATCH_MS_MAX = onThisMachine(60_000);
const POLL_MS = 1000;

/** In observe, every communication of normal use shows up with the software at both ends. */
export async function observe(cast: Cast): Promise<void> {
  const { checks } = cast;
  checks.phase("Observe: what talks to what");
  const started = Date.now();
  let flows: readonly Flow[] = [];
  do {
    await sleep(POLL_MS);
    flows = await storedFlows(cast);
  } while (
    Date.now() - started < WATCH_MS_MIN ||
    (Date.now() - started < WATCH_MS_MAX &&
      !expectedEdges.every((edge) => flows.some((flow) => shows(flow, edge))))
  );
  for (const edge of expectedEdges) {
    const found = flows.filter((flow) => shows(flow, edge));
    const count = found.reduce((sum, flow) => sum + (flow.count ?? 1), 0);
    const program = (text: string | null) => (text === null ? "" : ` (${text.slice(1)})`);
    checks.add({
      tried: `${edge.proto}/${edge.port} is seen${program(edge.program)}${program(edge.server)}`,
      from: edge.from,
      to: edge.to,
      expected: "with the software of both ends",
      seen: found.length === 0 ? nearest(flows, edge.port) : `${count} connections`,
      passed: found.length > 0,
    });
  }
  // Without a rule everything is what block would refuse; in observe that is recorded, and nothing more.
  const denied = flows.filter(({ verdict, state }) => verdict === "blocked" || state === "denied");
  checks.add({
    tried: "before any policy nothing is refused",
    expected: "no flow refused",
    seen: denied.length === 0 ? `none of ${flows.length}` : JSON.stringify(denied[0]),
    passed: denied.length === 0 && flows.length > 0,
  });
}

export function storedFlows({ operator }: Cast): Promise<readonly Flow[]> {
  return operator.ask(flowSchema, "get", "flows", "--limit", "100000");
}

/** For a failed check: what was seen on that port instead. */
function nearest(flows: readonly Flow[], port: number): string {
  const others = flows.filter((flow) => flow.port === port);
  if (others.length === 0) return "no flow with this port";
  const ends = ({ workload, ip, exe, script }: Flow["src"]) => `${workload ?? ip} ${script ?? exe ?? "?"}`;
  return others.map((flow) => `${ends(flow.src)} → ${ends(flow.dst)}`).join("; ");
}
