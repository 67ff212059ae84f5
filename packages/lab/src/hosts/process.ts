import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { onThisMachine } from "../slowness.ts";

/** Text kept from one stream of a command; the rest is dropped, oldest first. */
const OUTPUT_BYTES_MAX = 4_000_000;

export type Ended = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** It was ended because it took longer than it may. */
  readonly timedOut: boolean;
};

/** Runs a command to its end, or ends it after `timeoutMs` of a usual machine; never throws for what the command does. */
export function runToEnd(argv: readonly string[], timeoutMs: number, input = ""): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = launch(argv, "pipe");
    let stdout = "";
    let stderr = "";
    let timedOut = false;
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout = (stdout + chunk.toString()).slice(-OUTPUT_BYTES_MAX);
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-OUTPUT_BYTES_MAX);
    });
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child);
    }, onThisMachine(timeoutMs));
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr, timedOut });
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

/** A program that runs until the lab ends it. What it prints is kept line by line, for messages and for waiting. */
export class Service {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();
  #ended: { readonly code: number | null; readonly signal: string | null } | null = null;

  constructor(name: string, argv: readonly string[]) {
    this.name = name;
    this.#child = launch(argv, "pipe");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => this.#take(line));
    }
    this.#child.stdin?.on("error", () => {});
    this.#child.on("error", (error) => this.#take(String(error)));
    this.#child.on("exit", (code, signal) => {
      this.#ended = { code, signal };
    });
  }

  /** The program itself: every wrapper before it replaces itself by exec. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} did not start: ${this.tail()}`);
    return this.#child.pid;
  }

  get ended(): { readonly code: number | null; readonly signal: string | null } | null {
    return this.#ended;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  send(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Many programs end when their input does. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  onLine(listener: (line: string) => void): void {
    this.#listeners.add(listener);
  }

  tail(count = 15): string {
    return this.#lines.slice(-count).join("\n");
  }

  /** Sends a signal and waits for the end; `SIGKILL` follows after `graceMs`. */
  async stop(signal: NodeJS.Signals, graceMs: number): Promise<void> {
    if (this.#ended !== null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => killGroup(this.#child), onThisMachine(graceMs));
      this.#child.on("exit", () => {
        clearTimeout(timer);
        resolve();
      });
      this.#child.kill(signal);
    });
  }

  #take(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > LINES_MAX) this.#lines.shift();
    for (const listener of this.#listeners) listener(line);
  }
}

/** The child leads a process group of its own: what it started goes with it, so that no pipe stays open. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended by itself in between.
  }
}

/** Lines of a service's output that are kept. */
const LINES_MAX = 2000;

function launch(argv: readonly string[], stdio: "pipe"): ChildProcess {
  const [command, ...args] = argv;
  if (command === undefined) throw new Error("an empty command line");
  return spawn(command, args, { stdio, detached: true, env: baseEnvironment });
}

/**
 * `detached` gives every child its own process group, so that Ctrl-C reaches the lab alone and it ends the hosts in
 * order. The environment is the same on every machine.
 */
const baseEnvironment: NodeJS.ProcessEnv = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
  HOME: "/root",
  TMPDIR: "/run/tmp",
};
