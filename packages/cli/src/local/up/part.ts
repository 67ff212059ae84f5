import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Problem } from "@ringwall/model";
import type { PartMessage } from "../parent.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
/** Asked to end, a part gets this long before it is killed, unless told otherwise. */
const END_MS_MAX_DEFAULT = 20_000;

export type PartExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** A part of the product that runs as a child process of this one, with messages through IPC and its log on a pipe. */
export type Part = {
  readonly pid: number;
  readonly exited: Promise<PartExit>;
  /** The first message of that kind; rejects with PartFailed where the part ends or fails before. */
  readonly ready: Promise<PartMessage>;
  /** Asks it to end, kills it where it does not or once `hurry` aborts, and resolves when it is gone. */
  readonly end: (hurry?: AbortSignal) => Promise<void>;
};

/** The part told why it can't start, or ended without a word. */
export class PartFailed extends Error {
  readonly problems: readonly Problem[];

  constructor(name: string, problems: readonly Problem[], exit?: PartExit) {
    super(
      `the ${name} ended before it was ready (${exit === undefined ? "it told why" : describeExit(exit)})`,
    );
    this.name = "PartFailed";
    this.problems = problems;
  }
}

export type PartOptions = {
  /** Asked to end, it gets this long before it is killed. */
  readonly endMsMax?: number;
  /** Killed with what it has started: the agent's loader must not go on after it. */
  readonly isGroupKilled?: boolean;
  /** Flags of Node.js itself. */
  readonly nodeFlags?: readonly string[];
};

/** Starts `ringwall ARGUMENTS…` as a child, in a process group of its own so that Ctrl-C reaches only the parent. */
export function startPart(
  name: string,
  args: readonly string[],
  takeLog: (stream: Readable) => void,
  { endMsMax = END_MS_MAX_DEFAULT, nodeFlags = [], isGroupKilled = false }: PartOptions = {},
): Part {
  const child = spawn(process.execPath, [...nodeFlags, MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
  if (child.stdout !== null) takeLog(child.stdout);
  if (child.stderr !== null) takeLog(child.stderr);
  const exited = new Promise<PartExit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: null, signal: null }));
  });
  const ready = waitReady(name, child, exited);
  // Looked at by whoever wants to know; a part that fails unwatched is no fault of its own.
  ready.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    exited,
    ready,
    end: (hurry) => end(child, exited, { endMsMax, isGroupKilled }, hurry),
  };
}

function waitReady(name: string, child: ChildProcess, exited: Promise<PartExit>): Promise<PartMessage> {
  return new Promise((resolve, reject) => {
    let problems: readonly Problem[] | undefined;
    child.on("message", (message: PartMessage) => {
      if (message.kind === "failed") problems = message.problems;
      else resolve(message);
    });
    exited.then((exit) =>
      reject(new PartFailed(name, problems ?? [], problems === undefined ? exit : undefined)),
    );
  });
}

async function end(
  child: ChildProcess,
  exited: Promise<PartExit>,
  { endMsMax, isGroupKilled }: { readonly endMsMax: number; readonly isGroupKilled: boolean },
  hurry?: AbortSignal,
): Promise<void> {
  const kill = () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    process.kill(isGroupKilled ? -child.pid : child.pid, "SIGKILL");
  };
  const timer = setTimeout(kill, endMsMax);
  hurry?.addEventListener("abort", kill);
  if (hurry?.aborted) kill();
  else child.kill("SIGTERM");
  await exited;
  hurry?.removeEventListener("abort", kill);
  clearTimeout(timer);
}

export function describeExit({ code, signal }: PartExit): string {
  return signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`;
}
