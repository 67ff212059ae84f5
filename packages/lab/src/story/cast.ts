import type { Applications } from "../apps/tiers.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Checks } from "../report/checks.ts";
import type { Agents } from "../ringwall/agents.ts";
import type { Operator } from "../ringwall/command.ts";
import type { NormalUse } from "../traffic/driver.ts";

/** Who takes part in the story once everything runs. */
export type Cast = {
  readonly lab: Lab;
  readonly applications: Applications;
  readonly use: NormalUse;
  readonly operator: Operator;
  readonly agents: Agents;
  readonly checks: Checks;
};
