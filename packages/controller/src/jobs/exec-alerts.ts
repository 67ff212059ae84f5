import type { DecodedExecs, ExecReport, TamperReport } from "../ingest/decode-execs.ts";
import type { NewAlert } from "./alerts.ts";
import { programName } from "./software-names.ts";

/** The alerts of an exec batch: programs that `run` rules deny, and executables that somebody changed. */
export function alertsOfExecs(workload: string, batch: DecodedExecs): readonly NewAlert[] {
  const denied = batch.reports.flatMap((report) => alertOf(workload, report));
  return [...denied, ...batch.tamperings.map((one) => tamperAlert(workload, one))];
}

function alertOf(workload: string, { process, parentExe, denial, timeMs }: ExecReport): NewAlert[] {
  if (denial === null || !denial.alert) return [];
  const { action, rule, count } = denial;
  const program = `\`${programName(process)}\` (${process.script ?? process.exe})`;
  const parent = parentExe === "" ? "" : `, started by ${parentExe}`;
  const message = `${program} ${FATES[action]} on \`${workload}\`${parent}`;
  return [{ kind: action === "ran" ? "would-block" : "blocked", workload, message, rule, timeMs, count }];
}

const FATES = {
  ran: "ran, which no `run` rule allows,",
  refused: "was refused before it ran",
  killed: "was killed at its start",
} as const;

function tamperAlert(workload: string, { path, process, refused, inMemory, timeMs }: TamperReport): NewAlert {
  const who = process === null ? "" : ` by \`${programName(process)}\``;
  const changed = refused ? "an attempt to change it was refused" : "its content has changed";
  const reached = `access to its memory or descriptors ${refused ? "was refused" : "was had"}`;
  const subject = inMemory ? `a process of ${path}` : `the trusted executable ${path}`;
  const message = `${subject} on \`${workload}\`: ${inMemory ? reached : changed}${who}`;
  return { kind: "tampered", workload, message, rule: null, timeMs, count: 1 };
}
