import { encodeAddress, type ProcessIdentity, parseAddress } from "@ringwall/model";
import { DRILL_FOLDER_PREFIX } from "@ringwall/protocol/agent";
import type { DecodedFlows, FlowReport } from "../../ingest/decode-flows.ts";
import type { Ends } from "./ends.ts";

/** Where a drill was, and when it ended. */
export type MarkedDrill = Ends & { ports: readonly number[]; endedMs: number | null };

/** Begins the rules' names of drills: nobody learns from what they decide. */
export const DRILL_RULES = "drill/";
const OTHERS = `${DRILL_RULES}others`;
/** Milliseconds for which flows of a drill may still come in; agents keep them on disk while the controller is away. */
const LATE_MS = 600_000;

/**
 * The flows of a host with those of drills marked by their rule, and without alert. Only what went between the two ends,
 * to the drill's own ports: who gives a program a drill's name hides nothing by it. Forgets drills that are long over.
 */
export function markFlows(
  workload: string,
  flows: DecodedFlows,
  marks: MarkedDrill[],
  nowMs: number,
): DecodedFlows {
  for (let i = marks.length - 1; i >= 0; i--) {
    const endedMs = marks[i]?.endedMs ?? null;
    if (endedMs !== null && endedMs + LATE_MS < nowMs) marks.splice(i, 1);
  }
  const own = marks.filter(
    ({ source, destination }) => workload === source.name || workload === destination.name,
  );
  if (own.length === 0) return flows;
  const reports = flows.reports.map((report) => {
    if (!own.some((mark) => isOf(report, mark))) return report;
    const rule = report.rule.startsWith(DRILL_RULES) ? report.rule : OTHERS;
    return { ...report, rule, alert: false };
  });
  return { ...flows, reports };
}

/** Whether a program is a drill's own: in its folder, which only root can make, and while its host takes part in one. */
export function isDrillProgram(
  workload: string,
  { exe, script }: Pick<ProcessIdentity, "exe" | "script">,
  marks: readonly MarkedDrill[],
): boolean {
  if (!marks.some(({ source, destination }) => workload === source.name || workload === destination.name))
    return false;
  return isInDrillFolder(exe) || isInDrillFolder(script);
}

export function isInDrillFolder(path: string | null): boolean {
  return path?.startsWith(DRILL_FOLDER_PREFIX) === true;
}

function isOf(report: FlowReport, { source, destination, ports }: MarkedDrill): boolean {
  return (
    ports.includes(report.port) &&
    report.src === hexOf(source.address) &&
    report.dst === hexOf(destination.address)
  );
}

function hexOf(text: string): string {
  const address = parseAddress(text);
  return address === null ? "" : Buffer.from(encodeAddress(address)).toString("hex");
}
