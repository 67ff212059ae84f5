import { fail, ok, type ProcessIdentity, type Result } from "@ringwall/model";
import { EXEC_BATCH_MAX, type ExecBatch } from "@ringwall/protocol/agent";
import { BATCH_ID_LENGTH_MAX, CLOCK_AHEAD_MS_MAX, PROCESS_PATH_LENGTH_MAX } from "./limits.ts";
import { decodeProcess } from "./process.ts";

export type ExecReport = {
  readonly process: ProcessIdentity;
  readonly parentExe: string;
  readonly timeMs: number;
};
export type DecodedExecs = { readonly batchId: string; readonly reports: readonly ExecReport[] };

/** Checks an agent's exec records as a whole. The error names the entry. */
export function decodeExecs(batch: ExecBatch, nowMs: number): Result<DecodedExecs, string> {
  if (batch.batchId === "" || batch.batchId.length > BATCH_ID_LENGTH_MAX) {
    return fail(`\`batch_id\` must have 1 to ${BATCH_ID_LENGTH_MAX} characters`);
  }
  if (batch.execs.length > EXEC_BATCH_MAX) return fail(`more than ${EXEC_BATCH_MAX} exec records`);
  const reports: ExecReport[] = [];
  for (const [index, exec] of batch.execs.entries()) {
    if (exec.process === undefined) return fail(`execs[${index}]: no process`);
    const process = decodeProcess(exec.process);
    if (!process.ok) return fail(`execs[${index}]: ${process.error}`);
    if (exec.parentExe.length > PROCESS_PATH_LENGTH_MAX)
      return fail(`execs[${index}]: \`parent_exe\` is too long`);
    if (exec.timeMs > BigInt(Number.MAX_SAFE_INTEGER))
      return fail(`execs[${index}]: \`time_ms\` is beyond 2^53`);
    const timeMs = Number(exec.timeMs);
    reports.push({
      process: process.value,
      parentExe: exec.parentExe,
      timeMs: timeMs > nowMs + CLOCK_AHEAD_MS_MAX ? nowMs : timeMs,
    });
  }
  return ok({ batchId: batch.batchId, reports });
}
