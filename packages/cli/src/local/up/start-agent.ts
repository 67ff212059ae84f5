import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { uninstallAgent } from "@ringwall/agent";
import { makeFolder } from "@ringwall/controller/make-folder";
import { enrollmentTokenReply, workloadView } from "@ringwall/protocol/rest";
import { z } from "zod";
import { Failure } from "../../failure.ts";
import { saveSecret } from "../../output/save-secret.ts";
import type { Api } from "../../server/api.ts";
import { explained } from "../agent-run.ts";
import type { Closers } from "./closers.ts";
import type { LogFile } from "./log-file.ts";
import { PartFailed, startPart } from "./part.ts";
import { agentArguments } from "./part-arguments.ts";
import { supervise } from "./supervise.ts";

const TOKEN_TTL_SECONDS = 600;
/** A host with very many processes takes long to look at; `up` goes on meanwhile. */
const READY_MS_MAX = 30_000;
/** How long the agent may take to be heard by the controller before `up` goes on without having seen it. */
const CONNECT_MS_MAX = 20_000;
const CONNECT_POLL_MS = 200;
/** Asked to end, the agent gets this long before it is killed: what it enforces is in the kernel and taken out after. */
const END_MS_MAX = 5000;
/** As bin/ringwall has it for `agent run`: the agent makes little garbage, and this is 15 MB less of it. */
const NODE_FLAGS = ["--max-semi-space-size=1"];

export type HostAgent = {
  readonly state: string;
  readonly pin: string;
  readonly cgroup: string;
  readonly name: string;
  /** Where the controller is today: an agent remembers the address at which it enrolled. */
  readonly controller: string;
  readonly label?: Readonly<Record<string, string>>;
};

export type Ending = {
  readonly end: AbortSignal;
  /** Asked again while programs may be in the kernel: the agent is killed, they are still taken out. */
  readonly hurry: AbortSignal;
  readonly maybeInKernel: () => void;
  /** May not return. */
  readonly outOfKernel: () => void;
};

export type AgentContext = {
  readonly api: Api;
  readonly log: LogFile;
  readonly ending: Ending;
  readonly closers: Closers;
  readonly tell: (line: string) => void;
};

/**
 * Enrols and starts this host's agent as a part, ended by `closers`. Resolves when the controller has heard it, or with
 * false where that takes too long. Throws PartFailed where it can't start; then nothing of it is left.
 */
export async function startAgentPart(host: HostAgent, context: AgentContext): Promise<boolean> {
  const { api, log, ending, closers, tell } = context;
  const { end, hurry } = ending;
  makeFolder(host.state, 0o700);
  const tokenFile = join(host.state, "enrolment-token");
  await saveToken(api, host, tokenFile);
  if (end.aborted) {
    rmSync(tokenFile, { force: true });
    throw new PartFailed("agent", []);
  }
  const start = () => {
    const args = agentArguments({ ...host, ...(existsSync(tokenFile) ? { tokenFile } : {}) });
    return startPart("agent", args, log.take, {
      endMsMax: END_MS_MAX,
      nodeFlags: NODE_FLAGS,
      isGroupKilled: true,
    });
  };
  const cleanUp = async () => {
    rmSync(tokenFile, { force: true });
    if (existsSync(host.pin))
      await explained(() => uninstallAgent({ stateDir: host.state, pinDir: host.pin }, { keepState: true }));
    ending.outOfKernel();
  };
  ending.maybeInKernel();
  const part = start();
  const stop = () => void part.end(hurry);
  end.addEventListener("abort", stop, { once: true });
  try {
    await Promise.race([part.ready, setTimeout(READY_MS_MAX, undefined, { ref: false })]);
    log.open();
    const supervised = supervise("agent", part, start, tell);
    closers.add(async () => {
      await supervised.end(hurry);
      await cleanUp();
    });
  } catch (error) {
    await part.end(hurry);
    await cleanUp();
    throw error;
  } finally {
    end.removeEventListener("abort", stop);
  }
  const isConnected = await waitConnected(api, host.name, end);
  if (isConnected) rmSync(tokenFile, { force: true });
  return isConnected;
}

/** A token that enrols this workload once, soon, in a file that only this user can read. */
async function saveToken(api: Api, host: HostAgent, file: string): Promise<void> {
  const body = { workload: host.name, labels: host.label, ttlSeconds: TOKEN_TTL_SECONDS, uses: 1 };
  const { token } = await api.send("POST", "/api/v1/enrollment-tokens", body, enrollmentTokenReply);
  saveSecret(file, `${token}\n`);
}

async function waitConnected(api: Api, name: string, end: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + CONNECT_MS_MAX;
  while (performance.now() < deadline && !end.aborted) {
    if (await isHeard(api, name)) return true;
    await setTimeout(CONNECT_POLL_MS);
  }
  return false;
}

/** A controller that can't say, because it is being started again, has not heard it yet. */
async function isHeard(api: Api, name: string): Promise<boolean> {
  const reply = z.object({ workloads: z.array(workloadView) });
  try {
    const { workloads } = await api.get("/api/v1/workloads", reply);
    return workloads.some((one) => one.name === name && one.agent?.connected);
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
