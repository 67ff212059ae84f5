import { join, resolve } from "node:path";
import { signInReply } from "@ringwall/protocol/rest";
import { commandName } from "../../command-name.ts";
import { note, say } from "../../output/print.ts";
import { formatClock } from "../../output/time.ts";
import { type Api, openApi } from "../../server/api.ts";
import { defaultDataDir } from "../../server/data-dir.ts";
import { VERSION } from "../../version.ts";
import type { AgentRunOptions } from "../agent-run.ts";
import type { ControllerRunOptions } from "../controller-run.ts";
import { isoTime } from "../log-lines.ts";
import { aborted, endAtOnce, endRequested } from "../parent.ts";
import { type Summary, summaryLines } from "./banner.ts";
import { type Closers, createClosers } from "./closers.ts";
import { startHostAgent } from "./host-agent.ts";
import { createLog } from "./log-file.ts";
import type { Ending } from "./start-agent.ts";
import { startControllerPart } from "./start-controller.ts";

export type UpOptions = ControllerRunOptions &
  Pick<AgentRunOptions, "pin" | "cgroup" | "name" | "label"> & { readonly agent: boolean };

const COLUMNS_DEFAULT = 80;

/** Asked again, nothing is waited for but what takes the agent's programs out of the kernel; a third time, nothing at all. */
function createEnding(): Ending {
  const hurry = new AbortController();
  let isInKernel = false;
  const end = endRequested(() => {
    if (hurry.signal.aborted || !isInKernel) endAtOnce();
    hurry.abort();
  });
  return {
    end,
    hurry: hurry.signal,
    maybeInKernel() {
      isInKernel = true;
    },
    outOfKernel() {
      isInKernel = false;
      if (end.aborted) note("the agent's programs are out of the kernel: nothing is enforced here");
      // The controller ends by itself once this process is gone.
      if (hurry.signal.aborted) endAtOnce();
    },
  };
}

/** Starts the controller and this host's agent, tells where they are, and ends both when asked to. */
export async function runUp(options: UpOptions): Promise<0 | 2> {
  const closers = createClosers();
  try {
    return await up(options, createEnding(), closers);
  } finally {
    await closers.closeAll();
  }
}

async function up(options: UpOptions, ending: Ending, closers: Closers): Promise<0 | 2> {
  const { end } = ending;
  const dataDir = resolve(options.data ?? defaultDataDir());
  const logDir = join(dataDir, "log");
  note("starting the controller (the first start makes its databases) …");
  const controllerLog = createLog(join(logDir, "controller.log"), Date.now);
  const controller = await startControllerPart({ ...options, data: dataDir }, controllerLog, end, note).catch(
    (error) => {
      if (end.aborted) return null;
      throw error;
    },
  );
  if (controller === null) {
    note("ended before the controller was ready");
    return 0;
  }
  closers.add(controller.supervised.end);
  const { usersUrl, agentsUrl, operatorTokenFile } = controller.ready;
  const api = openApi({ server: usersUrl, tokenFile: operatorTokenFile });
  const context = { api, log: createLog(join(logDir, "agent.log"), isoTime), ending, closers, tell: note };
  const agent = await startHostAgent({ ...options, dataDir, controller: agentsUrl }, context);
  if (!end.aborted)
    await printSummary(api, { consoleUrl: options.publicUrl ?? usersUrl, dataDir, logDir, agent });
  const isLost = await Promise.race([
    aborted(end).then(() => false),
    controller.supervised.givenUp.then(() => true),
  ]);
  note("ending …");
  await closers.closeAll();
  note("ended; nothing is left running");
  return isLost ? 2 : 0;
}

async function printSummary(
  api: Api,
  known: Pick<Summary, "consoleUrl" | "dataDir" | "logDir" | "agent">,
): Promise<void> {
  const link = await api.send("POST", "/api/v1/sign-in-links", {}, signInReply);
  const summary: Summary = {
    ...known,
    version: VERSION,
    signInUrl: link.url,
    signInUntil: formatClock(link.expires),
    command: commandName(),
  };
  const isColoured =
    process.stdout.isTTY && process.stdout.hasColors() && process.env["NO_COLOR"] === undefined;
  for (const line of summaryLines(summary, process.stdout.columns ?? COLUMNS_DEFAULT, isColoured)) say(line);
}
