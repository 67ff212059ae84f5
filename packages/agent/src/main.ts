import { access, constants, mkdir } from "node:fs/promises";
import { enableCompileCache } from "node:module";
import { join, resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { agentError } from "./agent-error.ts";
import type { AgentOptions } from "./agent-options.ts";

/**
 * Runs the agent until its signal: enrols where needed, loads or adopts the kernel programs, judges, observes and
 * reports. Throws AgentError for what its user can mend (exit code 2). Enforcement stays when it ends.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  // Small rather than fast: it waits most of its life, on other people's machines.
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--semi-space-growth-factor=1");
  await makeStateDir(options.stateDir);
  // Compiled code from the last start: the type stripper alone is a quarter of the agent's memory.
  enableCompileCache(join(resolve(options.stateDir), "compiled"));
  const { runAgentProcess } = await import("./agent-process.ts");
  await runAgentProcess(options);
}

async function makeStateDir(stateDir: string): Promise<void> {
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    await access(stateDir, constants.W_OK);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw agentError(
      "state-unwritable",
      `the state directory \`${stateDir}\` can't be written (${why})`,
      "run as root, or name another one with --state",
      error,
    );
  }
}
