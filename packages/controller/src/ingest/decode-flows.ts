import { type FlowState, fail, type Outcome, ok, type ProcessIdentity, type Result } from "@ringwall/model";
import {
  Direction,
  FLOW_BATCH_ROWS_MAX,
  type FlowBatch,
  Level,
  State,
  Verdict,
} from "@ringwall/protocol/agent";
import {
  BATCH_ID_LENGTH_MAX,
  BATCH_NAMES_MAX,
  BATCH_PROCESSES_MAX,
  BATCH_RULE_LENGTH_MAX,
  BATCH_RULES_MAX,
  CLOCK_AHEAD_MS_MAX,
  LOST_CAUSES_MAX,
} from "./limits.ts";
import { decodeProcess } from "./process.ts";

/** One row of a batch, checked. Addresses are 32 hexadecimal digits, IPv4 as v4-mapped IPv6. */
export type FlowReport = {
  readonly direction: "outbound" | "inbound";
  /** 6, 17, 132, 1 (ICMP of both families) or 255 (all else, without ports); the store keeps no other. */
  readonly proto: number;
  readonly port: number;
  readonly src: string;
  readonly dst: string;
  /** Index into `DecodedFlows.processes`, or -1 where the process is not known. */
  readonly process: number;
  readonly state: FlowState | "unknown";
  readonly verdict: Outcome;
  /** How surely this end knows its peer; unknown from agents that do not say. */
  readonly known: "unknown" | "address" | "in-band";
  /** The destination's name by the source's resolver; empty where there is none. */
  readonly fqdn: string;
  readonly alert: boolean;
  readonly rule: string;
  readonly count: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly firstMs: number;
  readonly lastMs: number;
};

export type DecodedFlows = {
  readonly batchId: string;
  readonly processes: readonly ProcessIdentity[];
  readonly reports: readonly FlowReport[];
  readonly lost: Readonly<Record<string, number>>;
};

const ICMP = 1;
const ICMPV6 = 58;
const OTHER = 255;
const PROTOCOLS = new Set([6, 17, 132, ICMP, ICMPV6, OTHER]);
const ADDRESS_BYTES = 16;
const STATES: Readonly<Record<State, FlowReport["state"]>> = {
  [State.UNSPECIFIED]: "unknown",
  [State.ESTABLISHED]: "established",
  [State.REFUSED]: "refused",
  [State.TIMEOUT]: "timeout",
  [State.DENIED]: "denied",
};
const VERDICTS: Readonly<Record<Verdict, Outcome | null>> = {
  [Verdict.UNSPECIFIED]: null,
  [Verdict.ALLOWED]: "allowed",
  [Verdict.WOULD_BLOCK]: "would-block",
  [Verdict.BLOCKED]: "blocked",
};
const LEVELS: Readonly<Record<Level, FlowReport["known"]>> = {
  [Level.UNSPECIFIED]: "unknown",
  [Level.ADDRESS]: "address",
  [Level.IN_BAND]: "in-band",
};
const NAME = /^[a-z0-9_.-]{1,253}$/;
const COLUMNS = [
  "process",
  "port",
  "proto",
  "direction",
  "state",
  "verdict",
  "alert",
  "rule",
  "count",
  "bytesOut",
  "bytesIn",
  "firstMs",
  "lastMs",
] as const satisfies readonly (keyof FlowBatch)[];

/** Checks an agent's batch as a whole: one wrong value and nothing of it is stored. The error names column and row. */
export function decodeFlows(batch: FlowBatch, nowMs: number): Result<DecodedFlows, string> {
  const wrong = shapeProblem(batch);
  if (wrong !== null) return fail(wrong);
  const processes: ProcessIdentity[] = [];
  for (const [index, process] of batch.processes.entries()) {
    const decoded = decodeProcess(process);
    if (!decoded.ok) return fail(`processes[${index}]: ${decoded.error}`);
    processes.push(decoded.value);
  }
  const reports: FlowReport[] = [];
  const local = Buffer.from(batch.localAddress).toString("hex");
  const peer = Buffer.from(batch.peerAddress).toString("hex");
  for (let row = 0; row < batch.proto.length; row += 1) {
    const report = decodeRow(batch, row, local, peer, nowMs);
    if (typeof report === "string") return fail(`row ${row}: ${report}`);
    reports.push(report);
  }
  const lost: Record<string, number> = {};
  for (const [cause, count] of Object.entries(batch.lost)) {
    if (count > BigInt(Number.MAX_SAFE_INTEGER)) return fail("`lost` holds a number beyond 2^53");
    lost[cause] = Number(count);
  }
  return ok({ batchId: batch.batchId, processes, reports, lost });
}

function shapeProblem(batch: FlowBatch): string | null {
  const rows = batch.proto.length;
  if (batch.batchId === "" || batch.batchId.length > BATCH_ID_LENGTH_MAX) {
    return `\`batch_id\` must have 1 to ${BATCH_ID_LENGTH_MAX} characters`;
  }
  if (rows > FLOW_BATCH_ROWS_MAX) return `${rows} rows; at most ${FLOW_BATCH_ROWS_MAX} fit a batch`;
  for (const column of COLUMNS) {
    if (batch[column].length !== rows) return `\`${column}\` has ${batch[column].length} rows, not ${rows}`;
  }
  if (batch.level.length !== 0 && batch.level.length !== rows)
    return `\`level\` has ${batch.level.length} rows, not ${rows} or none`;
  for (const column of ["localAddress", "peerAddress"] as const) {
    if (batch[column].length !== rows * ADDRESS_BYTES) return `\`${column}\` has not 16 bytes for each row`;
  }
  const named = batch.peerName.length;
  if (named !== 0 && named !== rows) return `\`peer_name\` has ${named} rows, not ${rows}`;
  if (batch.names.length > BATCH_NAMES_MAX) return `more than ${BATCH_NAMES_MAX} names`;
  if (batch.names.some((name) => !NAME.test(name))) return "a name is not one of a host";
  if (batch.processes.length > BATCH_PROCESSES_MAX) return `more than ${BATCH_PROCESSES_MAX} processes`;
  if (batch.rules.length > BATCH_RULES_MAX) return `more than ${BATCH_RULES_MAX} rules`;
  if (batch.rules.some((rule) => rule === "" || rule.length > BATCH_RULE_LENGTH_MAX || rule.includes("\0"))) {
    return `a rule's name is empty, holds a NUL or is longer than ${BATCH_RULE_LENGTH_MAX}`;
  }
  if (Object.keys(batch.lost).length > LOST_CAUSES_MAX) return `more than ${LOST_CAUSES_MAX} causes of loss`;
  return null;
}

function portMax(proto: number): number {
  if (proto === OTHER) return 0;
  return proto === ICMP || proto === ICMPV6 ? 255 : 65_535;
}

function decodeRow(
  batch: FlowBatch,
  row: number,
  local: string,
  peer: string,
  nowMs: number,
): FlowReport | string {
  const direction = batch.direction[row];
  if (direction !== Direction.OUTBOUND && direction !== Direction.INBOUND) return "no direction";
  const proto = batch.proto[row] ?? 0;
  if (!PROTOCOLS.has(proto)) return `protocol ${proto} is not one we judge`;
  const port = batch.port[row] ?? 0;
  if (port > portMax(proto)) return `port ${port} is out of range`;
  const process = (batch.process[row] ?? 0) - 1;
  if (process >= batch.processes.length) return "`process` points behind the list";
  if ((batch.peerName[row] ?? 0) > batch.names.length) return "`peer_name` points behind the list";
  const ruleIndex = batch.rule[row] ?? 0;
  if (ruleIndex > batch.rules.length) return "`rule` points behind the list";
  const state = STATES[batch.state[row] ?? State.UNSPECIFIED];
  const verdict = VERDICTS[batch.verdict[row] ?? Verdict.UNSPECIFIED];
  const known = LEVELS[batch.level[row] ?? Level.UNSPECIFIED];
  if (state === undefined) return "a state that is not known";
  if (known === undefined) return "a level that is not known";
  if (verdict === null || verdict === undefined) return "no verdict";
  const numbers = [batch.count, batch.bytesOut, batch.bytesIn, batch.firstMs, batch.lastMs].map(
    (column) => column[row] ?? 0n,
  );
  if (numbers.some((value) => value > BigInt(Number.MAX_SAFE_INTEGER))) return "a number beyond 2^53";
  const [count = 0, bytesOut = 0, bytesIn = 0, firstMs = 0, lastMs = 0] = numbers.map(Number);
  if (firstMs > lastMs) return "`first_ms` is after `last_ms`";
  const ceilingMs = lastMs > nowMs + CLOCK_AHEAD_MS_MAX ? nowMs : lastMs;
  const digits = [row * ADDRESS_BYTES * 2, (row + 1) * ADDRESS_BYTES * 2] as const;
  const [localAddress, peerAddress] = [local.slice(...digits), peer.slice(...digits)];
  const outbound = direction === Direction.OUTBOUND;
  return {
    direction: outbound ? "outbound" : "inbound",
    proto: proto === ICMPV6 ? ICMP : proto,
    port,
    src: outbound ? localAddress : peerAddress,
    dst: outbound ? peerAddress : localAddress,
    process,
    state,
    verdict,
    known,
    fqdn: outbound ? (batch.names[(batch.peerName[row] ?? 0) - 1] ?? "") : "",
    alert: batch.alert[row] ?? false,
    rule: batch.rules[ruleIndex - 1] ?? (verdict === "allowed" ? "" : "default"),
    count,
    bytesOut,
    bytesIn,
    firstMs: Math.min(firstMs, ceilingMs),
    lastMs: ceilingMs,
  };
}
