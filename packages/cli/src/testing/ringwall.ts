import { type ChildProcess, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";

/** The folder that the whole project is in. */
export const CHECKOUT = resolve(import.meta.dirname, "../../../..");
const BIN: Command = [join(CHECKOUT, "bin/ringwall")];
const COMMAND_MS_MAX = 60_000;

/** A program, and what stands before the arguments that a test types. */
export type Command = readonly [program: string, ...args: string[]];

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** `bin/ringwall` as a person types it, for tests; `dataDir` is where its controller keeps its data. */
export type Cli = {
  /** Runs a command to its end. */
  readonly type: (...args: string[]) => Promise<Ended>;
  /** Runs a command that has to succeed, with `--json`, and gives its values. */
  readonly ask: (...args: string[]) => Promise<unknown[]>;
  /** Starts a command that goes on. */
  readonly start: (...args: string[]) => Running;
};

/** A command that goes on, with what it printed so far. */
export type Running = {
  readonly process: ChildProcess;
  readonly output: () => Ended;
  readonly ended: Promise<Ended>;
};

/** `command` is how the program is started, where not as by the person who runs the tests. */
export function createCli(dataDir: string, command = BIN): Cli {
  const start = (...args: string[]) => startCommand(dataDir, command, args);
  const type = (...args: string[]) => {
    const running = start(...args);
    const timer = globalThis.setTimeout(() => running.process.kill("SIGKILL"), COMMAND_MS_MAX);
    return running.ended.finally(() => clearTimeout(timer));
  };
  return {
    start,
    type,
    ask: async (...args) => {
      const { code, stdout, stderr } = await type(...args, "--json");
      if (code !== 0) throw new Error(`\`ringwall ${args.join(" ")}\` ended with ${code}: ${stderr}`);
      return stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
    },
  };
}

function startCommand(dataDir: string, command: Command, args: readonly string[]): Running {
  const {
    RINGWALL_SERVER: _server,
    RINGWALL_TOKEN_FILE: _token,
    SUDO_USER: _sudo,
    ...inherited
  } = process.env;
  const [program, ...first] = command;
  const child = spawn(program, [...first, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...inherited, RINGWALL_DATA: dataDir, NO_COLOR: "1" },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8");
  });
  const output = () => ({ code: child.exitCode, stdout, stderr });
  const ended = new Promise<Ended>((done) => child.once("close", () => done(output())));
  return { process: child, output, ended };
}

/** Asks again until the answer is something; throws with `what` where it never is. */
export async function until<T>(
  what: string,
  msMax: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const POLL_MS = 250;
  for (const deadline = performance.now() + msMax; performance.now() < deadline; await setTimeout(POLL_MS)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`within ${msMax / 1000} s not seen: ${what}`);
}

/** Resolves with the first match in what a command printed; throws where it ends before. */
export async function printed(running: Running, pattern: RegExp, msMax: number): Promise<RegExpExecArray> {
  return until(`${pattern} in the output`, msMax, () => {
    const { stdout, stderr, code } = running.output();
    const found = pattern.exec(stdout);
    if (found === null && code !== null) throw new Error(`it ended with ${code}: ${stderr}`);
    return found ?? undefined;
  });
}
