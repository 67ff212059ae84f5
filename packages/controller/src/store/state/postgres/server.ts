import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import type { ProcessUser } from "../../../process/run.ts";
import { signalAtExit } from "../../../process/signal-at-exit.ts";
import { ControllerStartError } from "../../../start-error.ts";
import type { Binaries } from "./binaries.ts";

export type ServerOptions = {
  readonly binaries: Binaries;
  readonly data: string;
  readonly socketDir: string;
  readonly user: ProcessUser | null;
  readonly onLog: (line: string) => void;
};

export type SupervisedServer = { pid(): number | null; stop(): Promise<void> };

const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 25;
const STOP_FAST_MS = 20_000;
const RESTART_DELAY_MS = 500;
/** Last lines of the log that a failed start's message quotes. */
const LOG_LINES_KEPT = 12;

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "",
  unix_socket_permissions: "0700",
  max_connections: "40",
  shared_buffers: "64MB",
  log_min_messages: "warning",
  logging_collector: "off",
  fsync: "on",
};

/** Runs the server as a child and starts it again when it dies by itself. */
export async function superviseServer(options: ServerOptions): Promise<SupervisedServer> {
  let child: ChildProcess | null = null;
  let stopping = false;
  const recent: string[] = [];
  const start = () => {
    const current = spawnServer(options, (line) => {
      recent.push(line);
      if (recent.length > LOG_LINES_KEPT) recent.shift();
      options.onLog(line);
    });
    child = current;
    current.once("exit", () => {
      if (child !== current) return;
      child = null;
      if (!stopping) setTimeout(() => !stopping && start(), RESTART_DELAY_MS).unref();
    });
  };
  start();
  if (!(await ready(options, () => child))) {
    stopping = true;
    (child as ChildProcess | null)?.kill("SIGQUIT");
    throw new ControllerStartError(
      "postgresql-start",
      `the private PostgreSQL in \`${options.data}\` does not start: ${recent.join(" | ") || "no message"}`,
      "see the message; a full disk or wrong rights of the folder are the usual causes",
    );
  }
  return {
    pid: () => child?.pid ?? null,
    async stop() {
      stopping = true;
      if (child !== null) await end(child);
    },
  };
}

/** Its own session, so that Ctrl-C in the terminal reaches the controller alone, which then ends it in order. */
function spawnServer(options: ServerOptions, onLine: (line: string) => void): ChildProcess {
  const settings = { ...SETTINGS, unix_socket_directories: options.socketDir };
  const child = spawn(
    path.join(options.binaries.dir, "postgres"),
    ["-D", options.data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    {
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      cwd: "/",
      env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" },
      ...(options.user ?? {}),
    },
  );
  // PostgreSQL's immediate shutdown: what is committed is on disk, and the next start recovers it.
  signalAtExit(child, "SIGQUIT");
  child.on("error", (error) => onLine(error.message));
  createInterface({ input: child.stderr }).on("line", onLine);
  return child;
}

/** PostgreSQL writes `ready` into its lock file's eighth line when it takes connections; a crash leaves the file behind. */
function saysReady(data: string, pid: number | undefined): boolean {
  try {
    const lines = readFileSync(path.join(data, "postmaster.pid"), "utf8").split("\n");
    return lines[0] === String(pid) && lines[7]?.trim() === "ready";
  } catch {
    return false;
  }
}

async function ready(options: ServerOptions, running: () => ChildProcess | null): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < READY_TIMEOUT_MS; waitedMs += READY_POLL_MS) {
    const child = running();
    if (child === null) return false;
    if (saysReady(options.data, child.pid)) return true;
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGQUIT"), STOP_FAST_MS);
  await gone;
  clearTimeout(timer);
}
