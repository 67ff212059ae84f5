import { fail, type Outcome, ok, type ProcessIdentity, type Result } from "@ringwall/model";
import { Direction, SHADOW_ROWS_MAX, type ShadowReport, Verdict } from "@ringwall/protocol/agent";
import { BATCH_PROCESSES_MAX, BATCH_RULE_LENGTH_MAX, BATCH_RULES_MAX } from "./limits.ts";
import { decodeProcess } from "./process.ts";

/** Attempts of one host that meet another verdict under the draft. The address is 32 hexadecimal digits. */
export type ShadowDifference = {
  readonly process: ProcessIdentity | null;
  readonly peer: string;
  readonly port: number;
  readonly proto: number;
  readonly direction: "outbound" | "inbound";
  readonly live: Outcome;
  readonly draft: Outcome;
  readonly liveRule: string;
  readonly draftRule: string;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
};
export type DecodedShadow = Pick<ShadowReport, "running" | "problem"> & {
  readonly met: number;
  readonly uncounted: number;
  readonly differences: readonly ShadowDifference[];
};

const PROBLEM_LENGTH_MAX = 4096;
const ADDRESS_DIGITS = 32;
const OUTCOMES: Readonly<Record<Verdict, Outcome | null>> = {
  [Verdict.UNSPECIFIED]: null,
  [Verdict.ALLOWED]: "allowed",
  [Verdict.WOULD_BLOCK]: "would-block",
  [Verdict.BLOCKED]: "blocked",
};
const COLUMNS = [
  "process",
  "port",
  "direction",
  "liveVerdict",
  "draftVerdict",
  "liveRule",
  "draftRule",
  "count",
  "firstMs",
  "lastMs",
] as const satisfies readonly (keyof ShadowReport)[];

/** Checks a host's report as a whole: one wrong value and nothing of it is taken. The error names column and row. */
export function decodeShadow(report: ShadowReport): Result<DecodedShadow, string> {
  const wrong = shapeProblem(report);
  if (wrong !== null) return fail(wrong);
  const processes: ProcessIdentity[] = [];
  for (const [index, process] of report.processes.entries()) {
    const decoded = decodeProcess(process);
    if (!decoded.ok) return fail(`processes[${index}]: ${decoded.error}`);
    processes.push(decoded.value);
  }
  const addresses = Buffer.from(report.peerAddress).toString("hex");
  const differences: ShadowDifference[] = [];
  for (let row = 0; row < report.proto.length; row += 1) {
    const decoded = decodeRow(report, row, processes, addresses);
    if (typeof decoded === "string") return fail(`row ${row}: ${decoded}`);
    differences.push(decoded);
  }
  const { running, problem } = report;
  return ok({ running, problem, met: Number(report.met), uncounted: Number(report.uncounted), differences });
}

function shapeProblem(report: ShadowReport): string | null {
  const rows = report.proto.length;
  if (rows > SHADOW_ROWS_MAX) return `${rows} rows; at most ${SHADOW_ROWS_MAX} fit a report`;
  for (const column of COLUMNS) {
    if (report[column].length !== rows) return `\`${column}\` has ${report[column].length} rows, not ${rows}`;
  }
  if (report.peerAddress.length * 2 !== rows * ADDRESS_DIGITS)
    return "`peer_address` has not 16 bytes for each row";
  if (report.processes.length > BATCH_PROCESSES_MAX) return `more than ${BATCH_PROCESSES_MAX} processes`;
  if (report.rules.length > BATCH_RULES_MAX) return `more than ${BATCH_RULES_MAX} rules`;
  if (report.rules.some((rule) => rule === "" || rule.length > BATCH_RULE_LENGTH_MAX || rule.includes("\0")))
    return `a rule's name is empty, holds a NUL or is longer than ${BATCH_RULE_LENGTH_MAX}`;
  if (report.problem.length > PROBLEM_LENGTH_MAX || report.problem.includes("\0"))
    return "`problem` is too long or holds a NUL";
  if (tooLarge(report.met) || tooLarge(report.uncounted)) return "a number beyond 2^53";
  return null;
}

function decodeRow(
  report: ShadowReport,
  row: number,
  processes: readonly ProcessIdentity[],
  addresses: string,
): ShadowDifference | string {
  const direction = report.direction[row];
  if (direction !== Direction.OUTBOUND && direction !== Direction.INBOUND) return "no direction";
  const [port = 0, proto = 0, process = 0] = [report.port[row], report.proto[row], report.process[row]];
  if (port > 65_535) return `port ${port} is out of range`;
  if (proto > 255) return `protocol ${proto} is none`;
  if (process > processes.length) return "`process` points behind the list";
  const live = OUTCOMES[report.liveVerdict[row] ?? Verdict.UNSPECIFIED] ?? null;
  const draft = OUTCOMES[report.draftVerdict[row] ?? Verdict.UNSPECIFIED] ?? null;
  if (live === null || draft === null) return "no verdict";
  const rules = [report.liveRule[row] ?? 0, report.draftRule[row] ?? 0];
  if (rules.some((rule) => rule > report.rules.length)) return "a rule points behind the list";
  const [liveRule = "default", draftRule = "default"] = rules.map((rule) => report.rules[rule - 1]);
  const numbers = [report.count[row] ?? 0n, report.firstMs[row] ?? 0n, report.lastMs[row] ?? 0n];
  if (numbers.some(tooLarge)) return "a number beyond 2^53";
  const [count = 0, firstMs = 0, lastMs = 0] = numbers.map(Number);
  if (lastMs > TIME_MS_MAX) return "a time beyond what a calendar holds";
  return {
    process: processes[process - 1] ?? null,
    peer: addresses.slice(row * ADDRESS_DIGITS, (row + 1) * ADDRESS_DIGITS),
    port,
    proto,
    direction: direction === Direction.OUTBOUND ? "outbound" : "inbound",
    live,
    draft,
    liveRule,
    draftRule,
    count,
    firstMs: Math.min(firstMs, lastMs),
    lastMs,
  };
}

/** ECMA-262: the last instant that a Date can hold. */
const TIME_MS_MAX = 8.64e15;

function tooLarge(value: bigint): boolean {
  return value > BigInt(Number.MAX_SAFE_INTEGER);
}
