import type { ProcessIdentity } from "@ringwall/model";
import { modesOf, policySetOf } from "@ringwall/policy";
import { type Fleet, workloadOf } from "../store/state/fleet.ts";
import type { NewAlert } from "./alerts.ts";
import type { Changes } from "./changes/changes.ts";
import { createNamer, programName } from "./software-names.ts";

/**
 * Alerts for programs never seen anywhere before. Only on hosts that are past observing: while a host is being learned,
 * every program is new. A program that a Software resource names was expected.
 */
export function alertsOfNewSoftware(
  workload: string,
  processes: readonly ProcessIdentity[],
  fleet: Fleet,
  changes: Changes,
): readonly NewAlert[] {
  const agent = fleet.get(workload);
  if (agent === undefined || processes.length === 0) return [];
  const set = policySetOf(changes.inForce().resources);
  const modes = modesOf(set, workloadOf(agent));
  if (![modes.inbound, modes.outbound, modes.processes].some((mode) => mode === "alert" || mode === "block"))
    return [];
  const nameOf = createNamer(set.software);
  const programs = new Map(
    processes
      .filter((one) => !nameOf(one).named)
      .map((one) => [`${one.exe}\0${one.script}\0${one.exeSha256}`, one]),
  );
  return [...programs.values()].map((one) => ({
    kind: "new-software",
    workload,
    message: `\`${programName(one)}\` (${one.script ?? one.exe}) ran on \`${workload}\` for the first time anywhere`,
    rule: null,
    timeMs: Date.now(),
    count: 1,
  }));
}
