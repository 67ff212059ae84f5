import { readFile } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import type { HostCapabilities } from "@ringwall/protocol/agent";
import type { AgentPlaces } from "./agent-options.ts";
import { describeCapabilities, type ExecGateSupport } from "./capabilities.ts";
import { probeExecGate } from "./exec/probe-gate.ts";
import { openKernel } from "./kernel/kernel.ts";
import { pauseLeftMs } from "./pause/set-pause.ts";
import { holderOf } from "./state/lock.ts";
import { saveFile } from "./state/save-file.ts";

/** What an agent says of itself in `status.json`. Generations are decimal text: they are 64-bit numbers. */
export type AgentReport = {
  readonly workload: string;
  readonly controller: string;
  readonly connected: boolean;
  /** Why there is no connection, in words; null while there is one. */
  readonly connectionProblem: string | null;
  /** In force in the kernel; `0` = none yet. */
  readonly generation: string;
  readonly unconfirmedGeneration: string;
  /** Why the newest policy is not in force; empty when it is. */
  readonly problem: string;
  readonly addresses: readonly string[];
  readonly counters: Readonly<Record<string, string>>;
  readonly lost: Readonly<Record<string, string>>;
  /** Until when nothing is refused, by hand; null: enforcement is on. Missing in what an older agent wrote. */
  readonly pausedUntil?: string | null;
  readonly spooledReports: number;
  /** Empty where there is none that can be read. */
  readonly certificateExpires: string;
  readonly updated: string;
};

export type AgentStatus = {
  /** Its process, null when no agent runs here. */
  readonly pid: number | null;
  /** What the pinned programs enforce, whether an agent runs or not; null when nothing is pinned. */
  readonly enforced: {
    readonly generation: string;
    readonly inbound: string;
    readonly outbound: string;
    readonly capabilities: HostCapabilities;
    /** Milliseconds for which enforcement is still paused by hand; 0: it is on. */
    readonly pausedMs: number;
  } | null;
  /** What the agent last wrote; null where none ever ran. */
  readonly report: AgentReport | null;
};

export async function saveReport(stateDir: string, report: AgentReport): Promise<void> {
  const text = `${JSON.stringify(report, null, 2)}\n`;
  // Every workload writes one every 15 s, and after a power failure it says nothing: not worth waiting for the disk.
  await saveFile(join(stateDir, "status.json"), text, 0o600, { sync: false });
}

/** Looks at an agent's state directory and pins without disturbing it. */
export async function agentStatus({ stateDir, pinDir }: AgentPlaces): Promise<AgentStatus> {
  const text = await readFile(join(stateDir, "status.json"), "utf8").catch(() => undefined);
  return {
    pid: await holderOf(stateDir),
    enforced: readEnforced(pinDir, await probeExecGate()),
    report: text === undefined ? null : parseReport(text),
  };
}

function parseReport(text: string): AgentReport | null {
  try {
    // Written by this very module, and replaced in one step.
    return JSON.parse(text) as AgentReport;
  } catch {
    return null;
  }
}

function readEnforced(pinDir: string, gate: ExecGateSupport): AgentStatus["enforced"] {
  try {
    const kernel = openKernel(pinDir);
    try {
      const slot = kernel.readSlot(kernel.liveSlot());
      const capabilities = describeCapabilities(kernel.capabilities(), release(), gate);
      return {
        generation: String(slot.generation),
        inbound: slot.modeIn,
        outbound: slot.modeOut,
        capabilities,
        pausedMs: pauseLeftMs(kernel),
      };
    } finally {
      kernel.close();
    }
  } catch {
    // Nothing pinned, or no right to look: both mean that nothing can be said.
    return null;
  }
}

function formatCapabilities({ level, kernel, features }: HostCapabilities): string[] {
  const lines = [`level      ${level}, kernel ${kernel}`];
  for (const { name, available, means } of features)
    if (available) lines.push(`  has      ${name}: ${means}`);
  for (const { name, available, why, means } of features)
    if (!available) lines.push(`  lacks    ${name}: ${means} (${why})`);
  return lines;
}

/** The status as text for people. */
export function formatAgentStatus(status: AgentStatus): string {
  const { pid, enforced, report } = status;
  const lines = [pid === null ? "agent      not running" : `agent      runs as process ${pid}`];
  if (enforced === null) lines.push("kernel     no programs pinned here, or no right to see them");
  else {
    const { generation, inbound, outbound } = enforced;
    lines.push(`kernel     generation ${generation} in force: inbound ${inbound}, outbound ${outbound}`);
    if (enforced.pausedMs > 0)
      lines.push(
        `PAUSED     nothing is refused for another ${Math.ceil(enforced.pausedMs / 1000)} s; \`ringwall agent resume\` ends it`,
      );
    lines.push(...formatCapabilities(enforced.capabilities));
  }
  if (report === null) return `${[...lines, "enrolled   no"].join("\n")}\n`;
  const place = report.controller === "" ? "" : ` at ${report.controller}`;
  lines.push(`enrolled   as ${report.workload}${place}`);
  const link = report.connected ? "connected" : `not connected: ${report.connectionProblem ?? "unknown"}`;
  lines.push(`controller ${pid === null ? "agent not running" : link}`);
  if (report.unconfirmedGeneration !== "0")
    lines.push(`waiting    generation ${report.unconfirmedGeneration} for its confirmation`);
  if (report.problem !== "") lines.push(`problem    ${report.problem}`);
  const expires = report.certificateExpires;
  lines.push(`cert       ${expires === "" ? "none that can be used" : `expires ${expires}`}`);
  for (const [cause, count] of Object.entries(report.lost))
    if (count !== "0") lines.push(`lost       ${count} (${cause})`);
  if (report.spooledReports > 0)
    lines.push(`spool      ${report.spooledReports} reports wait for the controller`);
  return `${lines.join("\n")}\n`;
}
