import { startApplications } from "../apps/tiers.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Checks } from "../report/checks.ts";
import { NormalUse, type Traffic } from "../traffic/driver.ts";
import { settleAccounts } from "./accounts.ts";
import { baseline } from "./baseline.ts";

/** From a flat network to three tiers in block, and what attackers meet then. */
export async function tellStory(lab: Lab, checks: Checks): Promise<Traffic> {
  const applications = await startApplications(lab);
  await baseline(lab, checks);
  const use = new NormalUse(lab, applications.database.dumpPassword);
  return settleAccounts(lab, applications, use, checks);
}
