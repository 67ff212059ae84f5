import { access, constants } from "node:fs/promises";
import { enableCompileCache } from "node:module";
import { join, resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import type { DestinationStream } from "pino";
import { agentError } from "./agent-error.ts";
import type { AgentOptions } from "./agent-options.ts";
import { makeFolder } from "./state/make-folder.ts";

/**
 * Runs the agent until its signal: enrols where needed, loads or adopts the kernel programs, judges, observes and
 * reports. Throws AgentError for what its user can mend (exit code 2). Enforcement stays when it ends.
 * `logTo` takes the log a JSON line at a time, and must neither throw nor wait: a full disk may not stop the agent's work.
 */
export async function runAgent(options: AgentOptions, logTo: DestinationStream): Promise<void> {
  // Small rather than fast: it waits most of its life, on other people's machines.
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--semi-space-growth-factor=1");
  const compiled = join(resolve(options.stateDir), "compiled");
  await makeState(options.stateDir, compiled);
  // Compiled code from the last start: the type stripper alone is a quarter of the agent's memory.
  enableCompileCache(compiled);
  const { runAgentProcess } = await import("./agent-process.ts");
  await runAgentProcess(options, logTo);
}

/** With a folder of ours in it, as the rights of a folder don't say that something can be made there (/proc). */
async function makeState(stateDir: string, folder: string): Promise<void> {
  try {
    await makeFolder(folder, 0o700);
    await access(stateDir, constants.W_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw agentError(
      "state-unwritable",
      `the state directory \`${stateDir}\` can't be written: ${why}`,
      "run as root, or name another one with --state",
      error,
    );
  }
}
