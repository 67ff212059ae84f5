import { formatAddress, isNobody, type ProcessIdentity } from "@ringwall/model";
import type { DecodedFlows, FlowReport } from "../ingest/decode-flows.ts";
import type { NewAlert } from "./alerts.ts";
import { programName } from "./software-names.ts";

const OTHER = 255;
const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 132: "sctp" };

/** The alerts of a batch: what was refused, and what would have been where the mode is alert. */
export function alertsOfFlows(
  workload: string,
  batch: DecodedFlows,
  nameOf: (address: string) => string | null,
): readonly NewAlert[] {
  return batch.reports
    .filter((report) => report.alert && report.verdict !== "allowed")
    .map((report) => ({
      kind: report.verdict === "blocked" ? "blocked" : "would-block",
      workload,
      message: sentence(workload, report, batch.processes[report.process] ?? null, nameOf),
      rule: report.rule,
      timeMs: report.lastMs,
      count: Math.max(1, report.count),
    }));
}

function sentence(
  workload: string,
  report: FlowReport,
  process: ProcessIdentity | null,
  nameOf: (address: string) => string | null,
): string {
  const what = report.verdict === "blocked" ? "was blocked" : "would be blocked";
  const port =
    report.proto === OTHER ? "a protocol without ports" : `${PROTOCOL_NAMES[report.proto]}/${report.port}`;
  const program = process === null ? "a program not known" : `\`${programName(process)}\``;
  const outbound = report.direction === "outbound";
  const peerAddress = textOf(outbound ? report.dst : report.src);
  if (isNobody(peerAddress)) {
    const doing = outbound ? "making a raw or packet socket" : `listening at ${port}`;
    return `${program} on \`${workload}\`: ${doing} ${what}`;
  }
  const owner = nameOf(peerAddress);
  const peer = owner === null ? peerAddress : `\`${owner}\` (${peerAddress})`;
  return outbound
    ? `${program} on \`${workload}\` to ${peer} at ${port} ${what}`
    : `${peer} to ${program} on \`${workload}\` at ${port} ${what}`;
}

export function textOf(hex: string): string {
  return formatAddress(BigInt(`0x${hex}`));
}
