import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { uninstallAgent } from "@ringwall/agent";
import { enrollmentTokenReply, workloadView } from "@ringwall/protocol/rest";
import { z } from "zod";
import { saveSecret } from "../../output/save-secret.ts";
import type { Api } from "../../server/api.ts";
import { explained } from "../agent-run.ts";
import type { LogFile } from "./log-file.ts";
import { startPart } from "./part.ts";
import { agentArguments } from "./part-arguments.ts";
import { type Supervised, supervise } from "./supervise.ts";

const TOKEN_TTL_SECONDS = 600;
/** How long the agent may take to be heard by the controller before `up` goes on without having seen it. */
const CONNECT_MS_MAX = 20_000;
const CONNECT_POLL_MS = 200;

export type HostAgent = {
  readonly state: string;
  readonly pin: string;
  readonly cgroup: string;
  readonly name: string;
  readonly label?: Readonly<Record<string, string>>;
};

export type RunningAgent = { readonly isConnected: boolean; readonly end: () => Promise<void> };

/** Enrols and starts this host's agent as a part. Throws PartFailed where it can't start. */
export async function startAgentPart(
  host: HostAgent,
  api: Api,
  log: LogFile,
  end: AbortSignal,
  tell: (line: string) => void,
): Promise<RunningAgent> {
  mkdirSync(host.state, { recursive: true, mode: 0o700 });
  const tokenFile = join(host.state, "enrolment-token");
  await saveToken(api, host, tokenFile);
  const start = () =>
    startPart(
      "agent",
      agentArguments({ ...host, ...(existsSync(tokenFile) ? { tokenFile } : {}) }),
      log.take,
    );
  const part = start();
  const stop = () => void part.end();
  end.addEventListener("abort", stop, { once: true });
  let supervised: Supervised;
  try {
    await part.ready;
    log.open();
    supervised = supervise("agent", part, start, tell);
  } catch (error) {
    await part.end();
    rmSync(tokenFile, { force: true });
    throw error;
  } finally {
    end.removeEventListener("abort", stop);
  }
  const isConnected = await waitConnected(api, host.name, end);
  if (isConnected) rmSync(tokenFile, { force: true });
  return {
    isConnected,
    end: async () => {
      await supervised.end();
      rmSync(tokenFile, { force: true });
      const places = { stateDir: host.state, pinDir: host.pin };
      await explained(() => uninstallAgent(places, { keepState: true }));
    },
  };
}

/** A token that enrols this workload once, soon, in a file that only this user can read. */
async function saveToken(api: Api, host: HostAgent, file: string): Promise<void> {
  const body = { workload: host.name, labels: host.label, ttlSeconds: TOKEN_TTL_SECONDS, uses: 1 };
  const { token } = await api.send("POST", "/api/v1/enrollment-tokens", body, enrollmentTokenReply);
  saveSecret(file, `${token}\n`);
}

async function waitConnected(api: Api, name: string, end: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + CONNECT_MS_MAX;
  const reply = z.object({ workloads: z.array(workloadView) });
  while (performance.now() < deadline && !end.aborted) {
    const { workloads } = await api.get("/api/v1/workloads", reply);
    if (workloads.some((one) => one.name === name && one.agent?.connected)) return true;
    await setTimeout(CONNECT_POLL_MS);
  }
  return false;
}
