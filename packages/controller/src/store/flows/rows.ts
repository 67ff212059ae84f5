import type { ExecReport } from "../../ingest/decode-execs.ts";
import type { FlowReport } from "../../ingest/decode-flows.ts";
import type { BatchKey } from "./batch-memory.ts";
import type { ProcessId } from "./process.ts";
import { formatField, formatRow } from "./tsv.ts";

export const FLOW_COLUMNS = [
  "received",
  "batch",
  "workload",
  "direction",
  "proto",
  "port",
  "src",
  "dst",
  "scope",
  "fqdn",
  "process",
  "state",
  "verdict",
  "known",
  "rule",
  "count",
  "bytes_out",
  "bytes_in",
  "first",
  "last",
] as const;

export const EXEC_COLUMNS = ["received", "batch", "workload", "process", "parent_exe", "time"] as const;

const LOOPBACK_V4 = "00000000000000000000ffff7f";
const LOOPBACK_V6 = "00000000000000000000000000000001";

/** One line for `ringwall.flow_reports`. */
export function formatFlow(
  receivedSeconds: number,
  batch: BatchKey,
  workload: string,
  report: FlowReport,
  process: ProcessId,
): string {
  const local = isLoopback(report.src) || isLoopback(report.dst);
  return formatRow([
    String(receivedSeconds),
    batch,
    formatField(workload),
    report.direction,
    String(report.proto),
    String(report.port),
    colons(report.src),
    colons(report.dst),
    local ? formatField(workload) : "",
    formatField(report.fqdn),
    process,
    report.state,
    report.verdict,
    report.known,
    formatField(report.rule),
    String(report.count),
    String(report.bytesOut),
    String(report.bytesIn),
    String(report.firstMs),
    String(report.lastMs),
  ]);
}

/** One line for `ringwall.exec_reports`. */
export function formatExec(
  receivedSeconds: number,
  batch: BatchKey,
  workload: string,
  report: ExecReport,
  process: ProcessId,
): string {
  return formatRow([
    String(receivedSeconds),
    batch,
    formatField(workload),
    process,
    formatField(report.parentExe),
    String(report.timeMs),
  ]);
}

function isLoopback(hex: string): boolean {
  return hex.startsWith(LOOPBACK_V4) || hex === LOOPBACK_V6;
}

function colons(hex: string): string {
  return (hex.match(/.{4}/g) ?? []).join(":");
}
