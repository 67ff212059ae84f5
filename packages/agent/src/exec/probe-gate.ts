import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ExecGateSupport } from "../capabilities.ts";

export const GATE_PATH = fileURLToPath(new URL("../../build/ringwall-gate", import.meta.url));
const PROBE_TIMEOUT_MS = 5000;
const run = promisify(execFile);

/** Asks the kernel whether it would let us answer before programs are started. */
export async function probeExecGate(): Promise<ExecGateSupport> {
  try {
    await run(GATE_PATH, ["probe"], { timeout: PROBE_TIMEOUT_MS });
    return { available: true, why: "" };
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    return { available: false, why: said.replace(/^ringwall-gate: /, "") || String(error) };
  }
}
