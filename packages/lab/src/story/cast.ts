import type { Applications } from "../apps/tiers.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Service } from "../hosts/process.ts";
import type { Checks } from "../report/checks.ts";
import type { Agents } from "../ringwall/agents.ts";
import type { Operator } from "../ringwall/command.ts";
import type { NormalUse } from "../traffic/driver.ts";

/** The hosts and a controller. */
export type Scene = {
  readonly lab: Lab;
  readonly operator: Operator;
  readonly checks: Checks;
};

/** Ringwall on the hosts, without anything to protect yet. */
export type Stage = Scene & {
  readonly agents: Agents;
  readonly controller: Service;
};

/** Who takes part in the story once everything runs. */
export type Cast = Stage & {
  readonly applications: Applications;
  readonly use: NormalUse;
};
