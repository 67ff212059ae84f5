import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { CommandLine } from "./programs.ts";

/** Milliseconds after which an attempt is ended; each ends by itself before. */
const ATTEMPT_MS_MAX = 15_000;
/** Text kept of what an attempt prints. */
const OUTPUT_CHARS_MAX = 4096;

/** What the attempt itself was told by its kernel. */
export type Told =
  | { readonly kind: "end"; readonly step: string; readonly errno: number }
  | { readonly kind: "skipped"; readonly why: string }
  /** It printed no line: ended, or killed. */
  | { readonly kind: "silent"; readonly output: string };

/** How a program gets into the workload's control group and network. */
export type Enter = (argv: readonly string[]) => readonly string[];

/** Runs one attempt to its end. */
export async function runCanary(line: CommandLine, enter: Enter, signal?: AbortSignal): Promise<Told> {
  const [command = "", ...args] = enter(line.argv);
  const input = line.input === null ? "ignore" : openSync(line.input, "r");
  const child = spawn(command, args, {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...line.environment },
    stdio: [input, "pipe", "pipe"],
    cwd: "/",
    detached: true,
  });
  if (typeof input === "number") closeSync(input);
  let output = "";
  const take = (data: Buffer) => {
    output = (output + data.toString()).slice(0, OUTPUT_CHARS_MAX);
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  const end = () => {
    // With what it has started.
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // All of it has ended.
    }
  };
  const limit = setTimeout(end, ATTEMPT_MS_MAX);
  // What outlives the attempt itself holds its output open.
  child.once("exit", end);
  signal?.addEventListener("abort", end, { once: true });
  await new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", () => resolve());
  });
  clearTimeout(limit);
  signal?.removeEventListener("abort", end);
  return toldIn(output);
}

/** The first line that is one of ours. */
export function toldIn(output: string): Told {
  for (const line of output.split("\n")) {
    const end = /^\{"step":"([a-z_-]{1,24})","errno":(\d{1,4})\}$/.exec(line);
    if (end !== null) return { kind: "end", step: end[1] ?? "", errno: Number(end[2]) };
    const skipped = /^\{"skipped":"([^"\\]{1,120})"\}$/.exec(line);
    if (skipped !== null) return { kind: "skipped", why: skipped[1] ?? "" };
  }
  return { kind: "silent", output: output.trim().slice(-200) };
}
