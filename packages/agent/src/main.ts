import { mkdir } from "node:fs/promises";
import { enableCompileCache } from "node:module";
import { join, resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import type { AgentOptions } from "./agent-options.ts";

/**
 * Runs the agent until its signal: enrols where needed, loads or adopts the kernel programs, judges, observes and
 * reports. Throws AgentError for what its user can mend (exit code 2). Enforcement stays when it ends.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  // Small rather than fast: it waits most of its life, on other people's machines.
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--semi-space-growth-factor=1");
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  // Compiled code from the last start: the type stripper alone is a quarter of the agent's memory.
  enableCompileCache(join(resolve(options.stateDir), "compiled"));
  const { runAgentProcess } = await import("./agent-process.ts");
  await runAgentProcess(options);
}
