import { restartApi, startApplications } from "../apps/tiers.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Checks } from "../report/checks.ts";
import { Agents } from "../ringwall/agents.ts";
import { startController } from "../ringwall/controller.ts";
import { NormalUse, type Traffic } from "../traffic/driver.ts";
import { settleAccounts } from "./accounts.ts";
import { attackInAlert, attackInBlock } from "./attacking.ts";
import { baseline } from "./baseline.ts";
import { carryContainers } from "./carrying.ts";
import type { Cast, Stage } from "./cast.ts";
import { revertByItself } from "./confirming.ts";
import { killAgents } from "./killing.ts";
import { learn } from "./learning.ts";
import { observe } from "./observing.ts";
import { proveSoftware } from "./proving/act.ts";
import { provision, setModes } from "./provisioning.ts";
import { shadow } from "./shadowing.ts";

/** What was counted of normal use, where there is any. */
export type Act = (lab: Lab, checks: Checks) => Promise<Traffic | null>;

/** Parts of the story that can be played alone, each on hosts that run nothing else. */
export const acts: Readonly<Record<string, Act>> = {
  tiers: async (lab, checks) => (await protectTiers(lab, checks)).traffic,
  containers: async (lab, checks) => {
    checks.phase("Ringwall arrives: a controller");
    const { operator } = await startController(lab);
    await carryContainers({ lab, operator, checks });
    return null;
  },
  proof: async (lab, checks) => {
    await proveSoftware(await enter(lab, checks));
    return null;
  },
};

/** From a flat network to three tiers in block, and what attackers meet then. */
export async function tellStory(lab: Lab, checks: Checks): Promise<Traffic> {
  const { cast, traffic } = await protectTiers(lab, checks);
  await carryContainers(cast);
  await proveSoftware(cast);
  return traffic;
}

async function protectTiers(
  lab: Lab,
  checks: Checks,
): Promise<{ readonly cast: Cast; readonly traffic: Traffic }> {
  const attacked = await startApplications(lab);
  await baseline(lab, checks);
  const applications = await restartApi(lab, attacked);
  const use = new NormalUse(lab, applications.database.dumpPassword);
  const cast = { ...(await enter(lab, checks)), applications, use };
  await observe(cast);
  const proposal = await learn(cast);
  await provision(cast);
  await shadow(cast);
  checks.phase("Alert, in the proposed order");
  await setModes(cast, proposal, "alert");
  await attackInAlert(cast);
  checks.phase("Block, in the proposed order, each step confirmed");
  await setModes(cast, proposal, "block");
  await attackInBlock(cast);
  await killAgents(cast);
  await revertByItself(cast);
  return { cast, traffic: await settleAccounts(lab, applications, use, checks) };
}

/** Controller and agents come to hosts whose applications have been running for some time. */
async function enter(lab: Lab, checks: Checks): Promise<Stage> {
  checks.phase("Ringwall arrives: a controller, an agent on each host");
  const { operator, service: controller } = await startController(lab);
  const agents = new Agents(lab, operator);
  await agents.enrol();
  const workloads = await agents.settled();
  checks.add({
    tried: "agents enrolled and connected",
    expected: "5",
    seen: workloads.map(({ name, agent }) => `${name} (${agent?.capability})`).join(", "),
    passed: workloads.length === 5,
  });
  return { lab, operator, agents, controller, checks };
}
