import { setTimeout as sleep } from "node:timers/promises";
import { flow as flowSchema } from "@ringwall/protocol/rest";
import { type Random, random } from "../fleet/random.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Checks } from "../report/checks.ts";
import type { Operator } from "../ringwall/command.ts";
import { startController } from "../ringwall/controller.ts";
import { agentHappenings, ControllerHappenings, type Happening, POLICY } from "./happenings.ts";
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
  await Promise.all([...lanes, play(trouble.all(), own())]);
  for (const [what, times] of happened) checks.note(`${times} × ${what}`);

  checks.phase("Afterwards: the accounts");
  const counted = await traffic.stop();
  await settled(agents);
  await sleep(STORED_MS);
  await settle(checks, agents, counted, await operator.ask(flowSchema, "get", "flows", "--limit", "100000"));
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

/** Until every agent is heard and nothing waits any more. */
async function settled(agents: readonly SoakAgent[]): Promise<void> {
  const deadline = Date.now() + SETTLE_MS_MAX;
  const since = new Date(Date.now() + 2000);
  for (;;) {
    const waiting = agents.filter(({ status }) => !isSettled(status, since));
    if (waiting.length === 0) return;
    if (Date.now() > deadline) {
      const [agent] = waiting;
      throw new Error(
        `${agent?.host.name} does not settle: ${JSON.stringify(agent?.status)}\n${agent?.tail()}`,
      );
    }
    await sleep(SETTLE_POLL_MS);
  }
}

function isSettled(status: SoakAgent["status"], since: Date): boolean {
  return status?.connected === true && status.spooledReports === 0 && new Date(status.updated) > since;
}

type Counted = Awaited<ReturnType<SoakTraffic["stop"]>>;

async function settle(
  checks: Checks,
  agents: readonly SoakAgent[],
  { clients, curl }: Counted,
  flows: Parameters<typeof compareSums>[2],
): Promise<void> {
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
  const curls = curl.counts["curl"] ?? { sent: 0, ok: 0, failed: 0 };
  for (const { time, reason } of curl.losses) checks.note(`lost ${time} curl: ${reason}`);
  checks.add({
    tried: "requests of curl, a process each",
    from: "web",
    to: "app",
    expected: "0 failed",
    seen: `${curls.failed} of ${curls.sent} failed`,
    passed: curls.failed === 0 && curls.sent > 0,
  });
  const lost = agents.map(({ status }) => lostOf(status)).reduce((sum, one) => sum + one, 0);
  for (const line of refusedThough(flows)) checks.note(line);
  let missing = 0;
  for (const { what, made, stored } of compareSums(clients, curls.sent, flows)) {
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
  for (const agent of agents)
    for (const line of agent.problems().slice(0, 5)) checks.note(`${agent.host.name}: ${line.slice(0, 300)}`);
}

/** Connections; what else may be lost are events and executions. */
function lostOf(status: SoakAgent["status"]): number {
  const { lost = {} } = status ?? {};
  return ["flowMapFull", "spoolFull", "refused"].reduce((sum, cause) => sum + Number(lost[cause] ?? 0), 0);
}
