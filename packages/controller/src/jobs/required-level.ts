import type { Problem } from "@ringwall/model";
import type { HostPolicy } from "@ringwall/policy";
import type { AgentRecord } from "../store/state/fleet.ts";

/** The loader's report says `level`; an agent that loaded nothing, or has not reported yet, says so by having none. */
export function levelOf({ capabilities }: Pick<AgentRecord, "capabilities">): string {
  const level = capabilities?.["level"];
  return typeof level === "string" ? level : "none";
}

/**
 * A policy whose segment asks for more than the host's kernel gives is held in alert: what it denies is reported and not
 * refused. `held` says why; null where the policy is as it was compiled.
 */
export function holdToLevel(
  policy: HostPolicy,
  agent: Pick<AgentRecord, "name" | "capabilities">,
): { readonly policy: HostPolicy; readonly held: Problem | null } {
  const level = levelOf(agent);
  const { modes } = policy;
  const blocks = Object.values(modes).includes("block");
  if (policy.requires !== "lsm" || level === "lsm" || !blocks) return { policy, held: null };
  const alertAtMost = (mode: (typeof modes)["inbound"]) => (mode === "block" ? "alert" : mode);
  const held: Problem = {
    code: "level-missing",
    severity: "error",
    message: `\`${agent.name}\` may not be in block: a segment of it has \`requires: lsm\`, and its host has the level \`${level}\``,
    fix: "leave its segment at `alert`, set `requires: core`, or give the host a kernel with BPF LSM (`ringwall get hosts` shows what it lacks)",
  };
  const lowered = {
    inbound: alertAtMost(modes.inbound),
    outbound: alertAtMost(modes.outbound),
    processes: alertAtMost(modes.processes),
  };
  return { policy: { ...policy, modes: lowered }, held };
}
