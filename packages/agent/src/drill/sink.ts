import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { DrillPlace } from "./place.ts";

/** Milliseconds within which a listener has to say its port. */
const READY_MS_MAX = 5000;
/** Tokens kept of one drill; a drill has fewer attempts. */
export const TOKENS_MAX = 512;

/** The drill's own listener. */
export type Sink = {
  readonly port: number;
  /** What has arrived, each once. */
  readonly arrived: () => readonly string[];
  readonly close: () => Promise<void>;
};

/** Starts a listener on a free port of `address`; it ends by itself after `seconds`. */
export async function openSink(place: DrillPlace, address: string, seconds: number): Promise<Sink> {
  const [command = "", ...args] = place.enter([place.files.decoy, "listen", address, String(seconds)]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"], env: {}, cwd: "/" });
  const arrived = new Set<string>();
  const port = await new Promise<number>((resolve) => {
    const limit = setTimeout(() => resolve(0), READY_MS_MAX);
    child.once("error", () => resolve(0));
    child.once("close", () => resolve(0));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [what = "", value = ""] = line.split(" ");
      if (what === "ready") {
        clearTimeout(limit);
        resolve(Number(value));
      } else if (arrived.size < TOKENS_MAX) arrived.add(value);
    });
  });
  if (port === 0) {
    await end(child);
    throw new Error(`no listener could be opened on ${address}`);
  }
  return { port, arrived: () => [...arrived], close: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
