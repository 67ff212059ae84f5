import {
  AgentError,
  type AgentOptions,
  agentPlan,
  agentStatus,
  formatAgentStatus,
  installAptHook,
  removeAptHook,
  runAgent,
  uninstallAgent,
} from "@ringwall/agent";
import { Failure } from "../failure.ts";
import { cleanLines } from "../output/clean.ts";
import { say, sayJson } from "../output/print.ts";
import { findCgroupMount } from "./cgroup-mount.ts";
import { isoTime, stderrLines } from "./log-lines.ts";
import { endRequested, tellParent } from "./parent.ts";
import { agentStateDir, PIN_DIR_DEFAULT } from "./places.ts";

export type AgentPlaceOptions = { readonly state?: string; readonly pin?: string };
export type PlanOptions = AgentPlaceOptions & { readonly policy?: string; readonly all?: boolean };
export type AgentRunOptions = AgentPlaceOptions & {
  readonly cgroup?: string;
  readonly name?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly tokenFile?: string;
  readonly controller?: string;
  readonly proof?: boolean;
  /** Seconds. */
  readonly proofPeriod?: number;
  readonly containers?: boolean;
  readonly proveDatagrams?: boolean;
  readonly address?: readonly string[];
};

/** Runs the agent until it is asked to end; what it enforces stays in the kernel. */
export async function runAgentUntilEnd(options: AgentRunOptions): Promise<0> {
  const { label, tokenFile, controller } = options;
  const signal = endRequested();
  const given: AgentOptions = {
    ...places(options),
    cgroup: options.cgroup ?? findCgroupMount(),
    ...(options.name === undefined ? {} : { workload: options.name }),
    ...(label === undefined ? {} : { labels: label }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(controller === undefined ? {} : { controller }),
    proof: options.proof ?? true,
    ...(options.proofPeriod === undefined ? {} : { proofPeriodMs: options.proofPeriod * 1000 }),
    ...(options.address === undefined ? {} : { alsoAt: options.address }),
    ...(options.proveDatagrams === true ? { proveDatagrams: true } : {}),
    ...(options.containers === true ? { containers: true } : {}),
    onReady: () => tellParent({ kind: "agent-ready" }),
    signal,
  };
  await explained(() => runAgent(given, stderrLines(isoTime)));
  if (process.connected) process.disconnect();
  return 0;
}

export async function showStatus(options: AgentPlaceOptions & { json?: boolean }): Promise<0> {
  const status = await explained(() => agentStatus(places(options)));
  if (options.json) sayJson(status);
  else say(cleanLines(formatAgentStatus(status).trimEnd()));
  return 0;
}

export async function showPlan(options: PlanOptions): Promise<0> {
  const linesMax = options.all ? Number.POSITIVE_INFINITY : undefined;
  const text = await explained(() => agentPlan(places(options), options.policy, linesMax));
  say(cleanLines(text.trimEnd()));
  return 0;
}

export async function changePackageHook(
  action: "install" | "remove",
  options: AgentPlaceOptions,
): Promise<0> {
  const { stateDir } = places(options);
  if (action === "remove") {
    await removeAptHook(stateDir);
    say("apt no longer keeps packages for the agent; what was captured stays");
  } else {
    const { conf } = await explained(() => installAptHook(stateDir));
    say(`${conf} written: what apt installs from now on is tied to its repository's signature`);
  }
  return 0;
}

export async function uninstall(options: AgentPlaceOptions): Promise<0> {
  for (const line of await explained(() => uninstallAgent(places(options)))) say(line);
  say("nothing is enforced on this host any more");
  return 0;
}

export function places({ state, pin }: AgentPlaceOptions): { stateDir: string; pinDir: string } {
  return { stateDir: state ?? agentStateDir(), pinDir: pin ?? PIN_DIR_DEFAULT };
}

/** Turns what the agent says a person can mend into Failure, and tells the parent. */
export async function explained<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    tellParent({ kind: "failed", problems: error.problems });
    throw new Failure(error.problems, 2, { cause: error });
  }
}
