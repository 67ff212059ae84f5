import type { Problem } from "@ringwall/model";
import { Failure } from "../../failure.ts";
import { note, printProblems } from "../../output/print.ts";
import type { AgentRunOptions } from "../agent-run.ts";
import { findCgroupMount } from "../cgroup-mount.ts";
import { agentStateDir, PIN_DIR_DEFAULT, workloadName } from "../places.ts";
import type { Summary } from "./banner.ts";
import { PartFailed } from "./part.ts";
import { type AgentContext, startAgentPart } from "./start-agent.ts";

export type HostAgentOptions = Pick<AgentRunOptions, "pin" | "cgroup" | "name" | "label"> & {
  /** False where the user wants none. */
  readonly agent: boolean;
  readonly dataDir: string;
  /** `https://HOST:PORT` of the controller. */
  readonly controller: string;
};

/** Starts this host's agent where that is wanted and possible, and says what became of it; the rest runs without it. */
export async function startHostAgent(
  options: HostAgentOptions,
  context: AgentContext,
): Promise<Summary["agent"]> {
  if (!options.agent) {
    return {
      kind: "none",
      why: "not started, as you asked",
      remedy: "without --no-agent this host is watched too",
    };
  }
  if (process.geteuid?.() !== 0) {
    return {
      kind: "none",
      why: "not started: only root may load programs into the kernel",
      remedy: "as root (`sudo make run`) this host's connections are seen as well",
    };
  }
  note("starting the agent of this host …");
  const name = options.name ?? workloadName();
  try {
    const isConnected = await startAgentPart(
      {
        state: agentStateDir(options.dataDir),
        pin: options.pin ?? PIN_DIR_DEFAULT,
        cgroup: options.cgroup ?? findCgroupMount(),
        name,
        controller: options.controller,
        ...(options.label === undefined ? {} : { label: options.label }),
      },
      context,
    );
    if (!isConnected && !context.ending.end.aborted) {
      note(`the agent runs, but the controller has not heard it yet; its log: ${context.log.path}`);
    }
    return { kind: "running", workload: name };
  } catch (error) {
    if (context.ending.end.aborted && error instanceof PartFailed)
      return { kind: "none", why: "ended before it was ready", remedy: "" };
    const problems = problemsOf(error);
    if (problems === undefined) throw error;
    if (problems.length === 0) note(context.log.tail());
    await printProblems(problems);
    const why = problems[0]?.message ?? "it ended without a word";
    return { kind: "none", why: `not running: ${why}`, remedy: "the controller runs without it" };
  }
}

/** What the agent or this machine can't do, in words; undefined for anything else. */
function problemsOf(error: unknown): readonly Problem[] | undefined {
  return error instanceof PartFailed || error instanceof Failure ? error.problems : undefined;
}
