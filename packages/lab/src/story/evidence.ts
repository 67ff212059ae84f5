import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Flow, Outcome } from "@ringwall/model";
import { type AlertView, alertView, flow as flowSchema } from "@ringwall/protocol/rest";
import type { Attack, Trace } from "../attacks/attack.ts";
import { onThisMachine } from "../slowness.ts";
import type { Cast } from "./cast.ts";
import { isAt, programOf } from "./expected-edges.ts";

/** Flows take some seconds from the kernel to the controller's store. */
const REPORTED_MS_MAX = 20_000;
const REPORTED_POLL_MS = 500;
/** Clocks of one machine, but times of flows are rounded to whole milliseconds. */
const CLOCK_MS = 1000;

/** What the controller says about an attempt: the flow, and the alert with its rule. */
export type Evidence = { readonly flow: Flow | null; readonly alert: AlertView | null };

/** Asks the controller until it has reported every one of the attempts, or for long enough. */
export async function gatherEvidence(
  cast: Cast,
  attempts: readonly Attack[],
  verdict: Outcome,
  sinceMs: number,
): Promise<ReadonlyMap<Attack, Evidence>> {
  const deadline = Date.now() + onThisMachine(REPORTED_MS_MAX);
  for (;;) {
    const flows = await cast.operator.ask(
      flowSchema,
      "get",
      "flows",
      "--verdict",
      verdict,
      "--limit",
      "100000",
    );
    const alerts = await cast.operator.ask(alertView, "get", "alerts");
    const isRecent = (time: string) => Date.parse(time) >= sinceMs - CLOCK_MS;
    const recent = flows.filter((flow) => isRecent(flow.until ?? flow.time));
    const heard = alerts.filter(({ kind, lastTime }) => kind === verdict && isRecent(lastTime));
    const evidence = new Map(attempts.map((attack) => [attack, findEvidence(attack.trace, recent, heard)]));
    const complete = [...evidence.values()].every(({ flow, alert }) => flow !== null && alert !== null);
    if (complete || Date.now() > deadline) return evidence;
    await sleep(REPORTED_POLL_MS);
  }
}

/** How the table names the rule, and the end that judged: what the alert says, or that a report is missing. */
export function ruleOf({ flow, alert }: Evidence): string {
  if (flow === null) return "no flow reported";
  if (alert === null) return "no alert";
  const rule = alert.rule === null || alert.rule === "default" ? "default deny" : alert.rule;
  return `${rule} at ${alert.workload}`;
}

function findEvidence(trace: Trace, flows: readonly Flow[], alerts: readonly AlertView[]): Evidence {
  const flow = flows.find(
    ({ src, port }) => isAt(src, trace.source) && port === trace.port && hasProgram(src, trace.program),
  );
  const ofSource = alerts.filter(
    ({ message }) => message.includes(`\`${trace.source}\``) && message.includes(`/${trace.port} `),
  );
  // The end that refused an incoming attempt does not know the program behind it; the source does.
  const alert =
    ofSource.find(({ message }) => message.includes(path.basename(trace.program))) ??
    ofSource.find(({ workload }) => workload !== trace.source);
  return { flow: flow ?? null, alert: alert ?? null };
}

/** The destination of a refused attempt reports it without knowing the source's program. */
function hasProgram(src: Flow["src"], program: string): boolean {
  if (src.exe == null) return true;
  return programOf(src).endsWith(program) || src.exe.endsWith(program);
}
