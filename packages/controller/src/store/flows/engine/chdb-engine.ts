import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { makeFolder } from "../../../make-folder.ts";
import { signalAtExit } from "../../../process/signal-at-exit.ts";
import { ControllerStartError } from "../../../start-error.ts";
import type { ChdbReply, ChdbRequest } from "./chdb-messages.ts";
import { EXECUTION_SECONDS_MAX, type FlowEngine, FlowEngineError } from "./engine.ts";
import { type Lane, watchSilence } from "./watch-silence.ts";

const CHILD = fileURLToPath(new URL("./chdb-child.ts", import.meta.url));
const READY_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 5_000;
const RESTART_DELAY_MS = 200;
/** Requests that wait for the child; more are refused, so that a dead engine can't eat the controller's memory. */
export const WAITING_REQUESTS_MAX = 1_000;
/** A child that answers no read, or no write, for so long while some wait hangs: each ends by itself in half the time. */
export const SILENCE_MS_MAX = 2 * EXECUTION_SECONDS_MAX * 1000;

type Waiting = {
  readonly lane: Lane;
  readonly resolve: (text: string) => void;
  readonly reject: (error: Error) => void;
};
type Body = ChdbRequest extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

/**
 * chDB in a child process, started again when it dies, and killed when it hangs; what was asked of a dead one fails and
 * may be asked again.
 */
export async function startChdb(
  folder: string,
  onLog: (message: string) => void,
  silenceMsMax = SILENCE_MS_MAX,
): Promise<FlowEngine & { pid(): number | null }> {
  makeFlowFolder(folder);
  let nextId = 1;
  let closing = false;
  let running: ChildProcess | null = null;
  /** The running one, while it takes requests. */
  let child: ChildProcess | null = null;
  const waiting = new Map<number, Waiting>();
  const failWaiting = (why: string) => {
    for (const { reject } of waiting.values()) reject(new FlowEngineError(why));
    waiting.clear();
  };
  const onHang = () => {
    onLog(`chDB's process has answered nothing for ${silenceMsMax / 1000} s and is killed`);
    child?.kill("SIGKILL");
    child = null;
    failWaiting("the flow store's process hangs and is started again");
  };
  const silence = watchSilence(silenceMsMax, () => waiting.values().map(({ lane }) => lane), onHang);
  const logUnlessClosing = (error: Error) => {
    if (!closing) onLog(error.message);
  };

  const start = async (): Promise<void> => {
    const started = spawnChild(folder);
    running = started;
    started.on("message", (reply: ChdbReply) => {
      const answered = settle(waiting, reply);
      if (answered !== undefined) silence.heard(answered.lane);
    });
    // A request that can't be sent fails with the exit that follows.
    started.on("error", (error) => onLog(`chDB's process: ${error.message}`));
    started.once("exit", (status, signal) => {
      running = null;
      child = null;
      failWaiting("the flow store's process ended in the middle of a request");
      if (closing) return;
      onLog(`chDB's process ended (${signal ?? status}) and is started again`);
      setTimeout(() => !closing && start().catch(logUnlessClosing), RESTART_DELAY_MS);
    });
    await untilReady(started, folder);
    child = started;
  };
  try {
    await start();
  } catch (error) {
    closing = true;
    silence.end();
    throw error;
  }

  const ask = (body: Body): Promise<string> =>
    new Promise((resolve, reject) => {
      if (child === null || !child.connected) {
        reject(new FlowEngineError("the flow store is starting again; try once more in a moment"));
      } else if (waiting.size >= WAITING_REQUESTS_MAX) {
        reject(new FlowEngineError(`the flow store has ${WAITING_REQUESTS_MAX} requests waiting already`));
      } else {
        const id = nextId++;
        waiting.set(id, { lane: body.kind === "query" ? "reads" : "writes", resolve, reject });
        child.send({ id, ...body } as ChdbRequest);
      }
    });

  return {
    pid: () => child?.pid ?? null,
    async query<Row>(sql: string, parameters = {}) {
      const text = await ask({ kind: "query", sql, parameters });
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Row);
    },
    async command(sql) {
      await ask({ kind: "command", sql });
    },
    async insert(table, columns, rows) {
      await ask({ kind: "insert", table, columns, rows });
    },
    async close() {
      closing = true;
      silence.end();
      const last = running;
      if (last?.pid === undefined) return;
      const gone = new Promise<void>((resolve) => last.once("exit", () => resolve()));
      // It is still starting, or was found to hang.
      if (child === null) last.kill("SIGKILL");
      ask({ kind: "close" }).catch(() => undefined);
      const timer = setTimeout(() => last.kill("SIGKILL"), CLOSE_TIMEOUT_MS);
      await gone;
      clearTimeout(timer);
    },
  };
}

function makeFlowFolder(folder: string): void {
  try {
    makeFolder(folder, 0o700);
  } catch (error) {
    throw cannotStart(folder, error instanceof Error ? error.message : String(error));
  }
}

function cannotStart(folder: string, why: string): ControllerStartError {
  return new ControllerStartError(
    "flow-store-start",
    `the flow store in \`${folder}\` does not start: ${why}`,
    "free disk space or put the folder's rights right; or use a ClickHouse server with --clickhouse-url",
  );
}

/** A session of its own: Ctrl-C in the terminal reaches the controller alone, which ends this one in order. */
function spawnChild(folder: string): ChildProcess {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", CHILD, folder], {
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    serialization: "advanced",
    env: { PATH: process.env["PATH"], TZ: "UTC" },
  });
  // It ends with its channel, but not while it hangs.
  signalAtExit(child, "SIGKILL");
  return child;
}

function settle(waiting: Map<number, Waiting>, reply: ChdbReply): Waiting | undefined {
  if (reply.kind !== "done" && reply.kind !== "error") return;
  const waiter = waiting.get(reply.id);
  waiting.delete(reply.id);
  if (reply.kind === "done") waiter?.resolve(reply.text);
  else waiter?.reject(new FlowEngineError(reply.message));
  return waiter;
}

function untilReady(child: ChildProcess, folder: string): Promise<void> {
  const settled = Promise.withResolvers<void>();
  const refuse = (why: string) => {
    child.kill("SIGKILL");
    settled.reject(cannotStart(folder, why));
  };
  const onError = (error: Error) => refuse(error.message);
  const onExit = (status: number | null, signal: string | null) =>
    refuse(`its process ended (${signal ?? status})`);
  const onMessage = (reply: ChdbReply) => {
    if (reply.kind === "failed") refuse(reply.message);
    else settled.resolve();
  };
  const timer = setTimeout(() => refuse("no answer in a minute"), READY_TIMEOUT_MS);
  child.once("error", onError);
  child.once("exit", onExit);
  child.once("message", onMessage);
  return settled.promise.finally(() => {
    clearTimeout(timer);
    child.off("error", onError);
    child.off("exit", onExit);
    child.off("message", onMessage);
  });
}
