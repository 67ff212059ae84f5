import { setTimeout as sleep } from "node:timers/promises";
import type { Flow, Verification } from "@ringwall/model";
import { alertView, flow as flowSchema, type PathView, pathView } from "@ringwall/protocol/rest";
import type { Seen } from "../../attacks/attack.ts";
import { onThisMachine } from "../../slowness.ts";
import type { HostName } from "../../topology.ts";
import type { Stage } from "../cast.ts";
import { isAt } from "../expected-edges.ts";

const SHOWN_MS_MAX = 40_000;
const POLL_MS = 500;
const FLOWS_ASKED = "100000";
const CLOCK_MS = 1000;

export type Expectation = {
  readonly tried: string;
  readonly from: HostName;
  readonly to: HostName;
  readonly expected: "gets through" | "refused";
  /** What its program has to say. */
  readonly says?: string;
};

export function addSeen(
  { checks }: Stage,
  { says = "", ...what }: Expectation,
  { reached, detail }: Seen,
): void {
  const passed = reached === (what.expected === "gets through") && detail.includes(says);
  checks.add({ ...what, seen: `${reached ? "gets through" : "refused"}: ${detail}`, passed });
}

export type Shown = {
  readonly from: HostName;
  readonly to: HostName;
  readonly port: number;
  readonly sinceMs: number;
  readonly verdict: "allowed" | "blocked";
  readonly levels: readonly Verification[];
  /** The source's script. */
  readonly program?: string;
};

/** The controller has an allowed flow whose software was proved. */
export function expectProved(
  cast: Stage,
  tried: string,
  where: Pick<Shown, "from" | "to" | "port" | "sinceMs">,
): Promise<void> {
  return expectFlow(cast, tried, { ...where, verdict: "allowed", levels: ["in-band"] });
}

/** The controller has an alert about the path between two hosts, in these words. */
export async function expectPathAlert(
  { operator, checks }: Stage,
  tried: string,
  ends: Pick<Expectation, "from" | "to">,
  words: string,
): Promise<void> {
  const alerts = await operator.ask(alertView, "get", "alerts");
  const found = alerts.find(({ kind, message }) => kind === "path-stripped" && message.includes(words));
  checks.add({
    ...ends,
    tried,
    expected: "path-stripped",
    seen: found?.kind ?? "no alert",
    alert: found?.message ?? "",
    passed: found !== undefined,
  });
}

/** The controller has a flow with this verdict and level. */
export async function expectFlow(cast: Stage, tried: string, shown: Shown): Promise<void> {
  const { from, to, port, sinceMs, verdict, levels, program } = shown;
  const isOne = (flow: Flow) =>
    flow.port === port &&
    isAt(flow.src, from) &&
    isAt(flow.dst, to) &&
    (program === undefined || flow.src.script === program) &&
    Date.parse(flow.until ?? flow.time) >= sinceMs - CLOCK_MS;
  const fits = (flow: Flow) =>
    isOne(flow) && flow.verdict === verdict && levels.some((level) => level === flow.verification);
  let flows: readonly Flow[] = [];
  await until(async () => {
    flows = await cast.operator.ask(flowSchema, "get", "flows", "--limit", FLOWS_ASKED);
    return flows.some(fits);
  });
  const found = flows.find(fits);
  const others = flows.filter(isOne).map((flow) => `${flow.verdict} ${flow.verification}`);
  cast.checks.add({
    tried,
    from,
    to,
    expected: `${verdict}, ${levels.join(" or ")}`,
    seen:
      found === undefined ? `only ${others.join("; ") || "nothing"}` : `${verdict}, ${found.verification}`,
    passed: found !== undefined,
  });
}

export async function expectPath(
  cast: Stage,
  source: HostName,
  destination: HostName,
  state: PathView["state"],
  { proto, fits = () => true }: { proto?: PathView["proto"]; fits?: (path: PathView) => boolean } = {},
): Promise<void> {
  let seen: PathView | undefined;
  await until(async () => {
    const paths = await cast.operator.ask(pathView, "get", "paths");
    seen = paths.find(
      (one) => one.source === source && one.destination === destination && one.proto === proto,
    );
    return seen?.state === state && fits(seen);
  });
  const counts =
    seen && `${seen.sent} sent, ${seen.proved} proved, ${seen.missing} missing, ${seen.wrong} wrong`;
  cast.checks.add({
    tried: `ringwall get paths${proto === undefined ? "" : `, ${proto}`}`,
    from: source,
    to: destination,
    expected: state,
    seen: seen === undefined ? "not listed" : `${seen.state}: ${counts}`,
    passed: seen !== undefined && seen.state === state && fits(seen),
  });
}

/** Whether it came to be before the time was up. */
export async function until(holds: () => Promise<boolean>, msMax = SHOWN_MS_MAX): Promise<boolean> {
  const deadline = Date.now() + onThisMachine(msMax);
  while (!(await holds())) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}
