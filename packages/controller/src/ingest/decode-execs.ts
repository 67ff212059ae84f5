import { fail, ok, type ProcessIdentity, type Result } from "@ringwall/model";
import {
  EXEC_BATCH_MAX,
  type Exec,
  ExecAction,
  type ExecBatch,
  type Tampering,
  Verdict,
} from "@ringwall/protocol/agent";
import {
  BATCH_ID_LENGTH_MAX,
  BATCH_RULE_LENGTH_MAX,
  CLOCK_AHEAD_MS_MAX,
  PROCESS_PATH_LENGTH_MAX,
} from "./limits.ts";
import { decodeProcess } from "./process.ts";

export type ExecReport = {
  readonly process: ProcessIdentity;
  readonly parentExe: string;
  readonly timeMs: number;
  /** What the `run` rules made of it; null where nothing was denied. */
  readonly denial: ExecDenial | null;
};
export type ExecDenial = {
  readonly alert: boolean;
  readonly rule: string | null;
  readonly action: "ran" | "refused" | "killed";
  readonly count: number;
};
export type TamperReport = {
  readonly path: string;
  readonly process: ProcessIdentity | null;
  readonly refused: boolean;
  /** Not the file, but a process that runs it. */
  readonly inMemory: boolean;
  readonly timeMs: number;
};
export type DecodedExecs = {
  readonly batchId: string;
  readonly reports: readonly ExecReport[];
  readonly tamperings: readonly TamperReport[];
};

/** Checks an agent's exec records as a whole. The error names the entry. */
export function decodeExecs(batch: ExecBatch, nowMs: number): Result<DecodedExecs, string> {
  if (batch.batchId === "" || batch.batchId.length > BATCH_ID_LENGTH_MAX) {
    return fail(`\`batch_id\` must have 1 to ${BATCH_ID_LENGTH_MAX} characters`);
  }
  if (batch.execs.length > EXEC_BATCH_MAX) return fail(`more than ${EXEC_BATCH_MAX} exec records`);
  if (batch.tamperings.length > EXEC_BATCH_MAX) return fail(`more than ${EXEC_BATCH_MAX} tamperings`);
  const reports: ExecReport[] = [];
  for (const [index, exec] of batch.execs.entries()) {
    const decoded = decodeExec(exec, nowMs);
    if (!decoded.ok) return fail(`execs[${index}]: ${decoded.error}`);
    reports.push(decoded.value);
  }
  const tamperings: TamperReport[] = [];
  for (const [index, tampering] of batch.tamperings.entries()) {
    const decoded = decodeTampering(tampering, nowMs);
    if (!decoded.ok) return fail(`tamperings[${index}]: ${decoded.error}`);
    tamperings.push(decoded.value);
  }
  return ok({ batchId: batch.batchId, reports, tamperings });
}

function decodeExec(exec: Exec, nowMs: number): Result<ExecReport, string> {
  if (exec.process === undefined) return fail("no process");
  const process = decodeProcess(exec.process);
  if (!process.ok) return process;
  if (exec.parentExe.length > PROCESS_PATH_LENGTH_MAX) return fail("`parent_exe` is too long");
  if (exec.rule.length > BATCH_RULE_LENGTH_MAX) return fail("`rule` is too long");
  if (exec.count > BigInt(Number.MAX_SAFE_INTEGER)) return fail("`count` is beyond 2^53");
  const time = decodeTime(exec.timeMs, nowMs);
  if (!time.ok) return time;
  const denied = exec.verdict === Verdict.BLOCKED || exec.verdict === Verdict.WOULD_BLOCK;
  const denial = {
    alert: exec.alert,
    rule: exec.rule === "" ? null : exec.rule.replaceAll("\0", ""),
    action: ACTIONS[exec.action] ?? "ran",
    count: Math.max(1, Number(exec.count)),
  };
  return ok({
    process: process.value,
    parentExe: exec.parentExe,
    timeMs: time.value,
    denial: denied ? denial : null,
  });
}

const ACTIONS: Readonly<Partial<Record<ExecAction, ExecDenial["action"]>>> = {
  [ExecAction.REFUSED]: "refused",
  [ExecAction.KILLED]: "killed",
};

function decodeTampering(tampering: Tampering, nowMs: number): Result<TamperReport, string> {
  const { path, refused, inMemory } = tampering;
  if (path === "" || path.length > PROCESS_PATH_LENGTH_MAX) return fail("`path` is empty or too long");
  const process = tampering.process === undefined ? ok(null) : decodeProcess(tampering.process);
  if (!process.ok) return process;
  const time = decodeTime(tampering.timeMs, nowMs);
  if (!time.ok) return time;
  const named = path.replaceAll("\0", "");
  return ok({ path: named, process: process.value, refused, inMemory, timeMs: time.value });
}

function decodeTime(timeMs: bigint, nowMs: number): Result<number, string> {
  if (timeMs > BigInt(Number.MAX_SAFE_INTEGER)) return fail("`time_ms` is beyond 2^53");
  return ok(Number(timeMs) > nowMs + CLOCK_AHEAD_MS_MAX ? nowMs : Number(timeMs));
}
