import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type Flow, flow, type Problem } from "@ringwall/model";

/** Problems reported of one file; more say nothing new. */
const PROBLEMS_MAX = 20;
const LINE_LENGTH_MAX = 1_000_000;

export type FlowReading = {
  readonly problems: readonly Problem[];
  /** Lines that were read as flows. */
  readonly flows: number;
  /** Exec records, which are not flows and are passed over. */
  readonly execs: number;
};

/**
 * Streams flow records (NDJSON, gzip by the name `.gz`, `-` for standard input) in constant memory. Every bad line is a
 * problem with its number; reading goes on so that all are reported. Throws only for what the system refuses.
 */
export async function readFlows(file: string, onFlow: (record: Flow) => void): Promise<FlowReading> {
  const raw: Readable = file === "-" ? process.stdin : createReadStream(file);
  const input = file.endsWith(".gz") ? raw.pipe(createGunzip()) : raw;
  const opened = new Promise<never>((_, reject) => {
    raw.once("error", reject);
    input.once("error", reject);
  });
  opened.catch(() => undefined);
  const problems: Problem[] = [];
  let number = 0;
  let flows = 0;
  let execs = 0;
  const read = async (): Promise<void> => {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      number += 1;
      if (line.trim() === "") continue;
      const outcome = parseLine(line);
      if (outcome.kind === "flow") {
        flows += 1;
        onFlow(outcome.flow);
      } else if (outcome.kind === "exec") execs += 1;
      else if (problems.length < PROBLEMS_MAX) problems.push(badLine(file, number, outcome.why));
    }
  };
  await Promise.race([read(), opened]);
  return { problems, flows, execs };
}

type Line = { kind: "flow"; flow: Flow } | { kind: "exec" } | { kind: "bad"; why: string };

function parseLine(line: string): Line {
  if (line.length > LINE_LENGTH_MAX) return { kind: "bad", why: `longer than ${LINE_LENGTH_MAX} characters` };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: "bad", why: "not JSON" };
  }
  if (typeof value === "object" && value !== null && "exec" in value) return { kind: "exec" };
  const parsed = flow.safeParse(value);
  if (parsed.success) return { kind: "flow", flow: parsed.data };
  const [issue] = parsed.error.issues;
  return { kind: "bad", why: `${issue?.path.join(".") || "record"}: ${issue?.message ?? "not a flow"}` };
}

function badLine(file: string, line: number, why: string): Problem {
  return {
    code: "bad-record",
    severity: "error",
    message: why,
    fix: "write one flow record per line, with `time`, `proto`, `src`, `dst`; or pass over such lines with --keep-going",
    place: { file, line, column: 1 },
  };
}
