import { setTimeout as sleep } from "node:timers/promises";
import { flow as flowSchema } from "@ringwall/protocol/rest";
import { type Random, random } from "../fleet/random.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Checks } from "../report/checks.ts";
import type { Operator } from "../ringwall/command.ts";
import { startController } from "../ringwall/controller.ts";
import { agentHappenings, ControllerHappenings, type Happening, POLICY } from "./happenings.ts";
import { watchMemory } from "./memory.ts";
import { EDITIONS, policyText } from "./policy.ts";
import { SoakAgent, TOKEN_FILE } from "./soak-agent.ts";
import {
  CURL,
  installPrograms,
  PROGRAMS,
  PYTHON,
  SOAKED,
  SoakTraffic,
  startServers,
} from "./soak-traffic.ts";
import { compareSums, refusedThough } from "./sums.ts";

/** Without any progress. */
const SETTLE_MS_MAX = 90_000;
const SETTLE_POLL_MS = 500;
/** After the last report arrived: what the flow store holds back for its next insert. */
const STORED_MS = 5000;
const PAUSE_MS = { min: 500, max: 6000 };
const POLICY_MS = 4000;

export type SoakOptions = { readonly minutes: number; readonly seed: number };

/** Steady traffic over three hosts while agents, controller, disks and clocks misbehave at random. */
export async function soak(lab: Lab, checks: Checks, { minutes, seed }: SoakOptions): Promise<void> {
  checks.phase("Three hosts, in block");
  await installPrograms(lab);
  await startServers(lab);
  const controller = await startController(lab);
  const { operator } = controller;
  const agents = SOAKED.map((name) => new SoakAgent(lab.host(name)));
  for (const agent of agents) await agent.enrol(await makeToken(lab, operator, agent.host.name));
  await writePolicies(lab);
  await ControllerHappenings.provision(operator, EDITIONS[0]);
  await sleep(POLICY_MS);

  checks.phase(`${minutes} minutes of trouble`);
  const traffic = await SoakTraffic.start(lab);
  const until = Date.now() + minutes * 60_000;
  const dice = random(seed);
  const happened = new Map<string, number>();
  const play = (happenings: readonly Happening[], own: Random) =>
    lane(happenings, own, until, checks, happened);
  const own = () => random(dice.int(0, 2 ** 31));
  const lanes = agents.map((agent) => play(agentHappenings(agent, own()), own()));
  const trouble = new ControllerHappenings(lab, controller, own());
  const memory = watchMemory([...agents.map(({ host }) => host), lab.host("controller")]);
  await Promise.all([...lanes, play(trouble.all(), own())]);
  for (const [what, times] of happened) checks.note(`${times} × ${what}`);

  checks.phase("Afterwards: the requests");
  const counted = await traffic.stop();
  judgeRequests(checks, counted);

  checks.phase("Afterwards: the accounts");
  await settle(checks, agents);
  for (const line of memory.stop()) checks.note(line);
  await sleep(STORED_MS);
  judgeFlows(checks, agents, counted, await operator.ask(flowSchema, "get", "flows", "--limit", "100000"));
  for (const agent of agents)
    for (const line of agent.problems().slice(0, 5)) checks.note(`${agent.host.name}: ${line.slice(0, 300)}`);
}

/** One thing after the other until the time is up. */
async function lane(
  happenings: readonly Happening[],
  dice: Random,
  until: number,
  checks: Checks,
  happened: Map<string, number>,
): Promise<void> {
  for (;;) {
    await sleep(dice.int(PAUSE_MS.min, PAUSE_MS.max));
    if (Date.now() > until) return;
    const { what, happen } = dice.pick(happenings);
    checks.note(`${String(checks.seconds).padStart(4)} s  ${what}`);
    happened.set(what, (happened.get(what) ?? 0) + 1);
    await happen();
  }
}

async function makeToken(lab: Lab, operator: Operator, name: string): Promise<string> {
  await operator.type("token", "create", "--name", name, "-o", TOKEN_FILE(name));
  return lab.host("controller").must(["cat", TOKEN_FILE(name)]);
}

async function writePolicies(lab: Lab): Promise<void> {
  const files = [PYTHON, `${PROGRAMS}/client.py`, `${PROGRAMS}/server.py`, CURL];
  const text = await lab.host("web").must(["sha256sum", ...files]);
  const [python = "", client = "", server = "", curl = ""] = text
    .split("\n")
    .map((line) => line.slice(0, 64));
  for (const edition of EDITIONS) {
    lab.host("controller").writeFile(POLICY(edition), policyText(edition, { python, client, server, curl }));
  }
}

/** Until every agent is heard and nothing waits any more, or nothing goes on. */
async function settle(checks: Checks, agents: readonly SoakAgent[]): Promise<void> {
  const begun = Date.now();
  const since = new Date(begun + 2000);
  let best = Number.POSITIVE_INFINITY;
  let progress = begun;
  for (;;) {
    const waiting = agents.filter(({ status }) => !isSettled(status, since));
    const reports = waiting.reduce((sum, { status }) => sum + (status?.spooledReports ?? 0), 0);
    const left = 10_000 * waiting.length + reports;
    if (left < best) progress = Date.now();
    best = Math.min(best, left);
    if (left > 0 && Date.now() - progress < SETTLE_MS_MAX) {
      await sleep(SETTLE_POLL_MS);
      continue;
    }
    for (const agent of waiting)
      checks.note(`${agent.host.name}: ${JSON.stringify(agent.status)}\n${agent.tail()}`);
    checks.add({
      tried: "agents heard, and their waiting reports taken",
      expected: "nothing waits",
      seen: left === 0 ? `in ${Math.round((Date.now() - begun) / 1000)} s` : `${reports} reports wait`,
      passed: left === 0,
    });
    return;
  }
}

function isSettled(status: SoakAgent["status"], since: Date): boolean {
  return status?.connected === true && status.spooledReports === 0 && new Date(status.updated) > since;
}

type Counted = Awaited<ReturnType<SoakTraffic["stop"]>>;

function judgeRequests(checks: Checks, { clients, curl }: Counted): void {
  for (const { flow, told } of clients) {
    const counts = Object.values(told.counts);
    const sum = (field: "sent" | "ok" | "failed") => counts.reduce((all, one) => all + one[field], 0);
    const wrong = flow.allowed ? "failed" : "ok";
    if (flow.allowed)
      for (const { time, kind, reason } of told.losses) checks.note(`lost ${time} ${kind}: ${reason}`);
    checks.add({
      tried: flow.allowed ? `requests of ${flow.script}` : `forbidden attempts of ${flow.script}`,
      from: flow.from,
      to: flow.to,
      expected: flow.allowed ? "0 failed" : "0 accepted",
      seen: `${sum(wrong)} of ${sum("sent")} ${flow.allowed ? "failed" : "accepted"}`,
      passed: sum(wrong) === 0 && sum("sent") > 0,
    });
  }
  const curls = curlsOf(curl);
  for (const { time, reason } of curl.losses) checks.note(`lost ${time} curl: ${reason}`);
  checks.add({
    tried: "requests of curl, a process each",
    from: "web",
    to: "app",
    expected: "0 failed",
    seen: `${curls.failed} of ${curls.sent} failed`,
    passed: curls.failed === 0 && curls.sent > 0,
  });
}

function curlsOf({ counts }: Counted["curl"]) {
  return counts["curl"] ?? { sent: 0, ok: 0, failed: 0 };
}

function judgeFlows(
  checks: Checks,
  agents: readonly SoakAgent[],
  { clients, curl }: Counted,
  flows: Parameters<typeof compareSums>[2],
): void {
  const lost = agents.map(({ status }) => lostOf(status)).reduce((sum, one) => sum + one, 0);
  for (const line of refusedThough(flows)) checks.note(line);
  let missing = 0;
  for (const { what, made, stored } of compareSums(clients, curlsOf(curl).sent, flows)) {
    const off = made - stored;
    missing += Math.max(0, off);
    checks.note(
      `${what}: ${made} made, ${stored} stored${off === 0 ? "" : `, ${off > 0 ? `${off} missing` : `${-off} too many`}`}`,
    );
    if (off < 0) checks.add({ tried: what, expected: `${made} stored`, seen: String(stored), passed: false });
  }
  checks.add({
    tried: "flows stored or counted as lost",
    expected: "none missing without being counted",
    seen: `${missing} missing, ${lost} counted as lost`,
    passed: missing <= lost,
  });
}

/** Connections; what else may be lost are events and executions. */
function lostOf(status: SoakAgent["status"]): number {
  const { lost = {} } = status ?? {};
  return ["flowMapFull", "spoolFull", "refused"].reduce((sum, cause) => sum + Number(lost[cause] ?? 0), 0);
}
