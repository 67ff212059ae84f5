import { ADDRESSES_PER_WORKLOAD_MAX, fail, ok, type Result } from "@ringwall/model";
import type { StatusReport } from "@ringwall/protocol/agent";
import { decodeProcess } from "../ingest/process.ts";
import type { StatusUpdate } from "../store/state/fleet.ts";
import { GENERATION_CLAIM_MAX } from "./rollout.ts";

const RESOLVERS_MAX = 16;
const LISTENERS_MAX = 4_096;
const COUNTERS_MAX = 256;
const PROBLEM_LENGTH_MAX = 2_000;
export const VERSION_LENGTH_MAX = 100;
/** The longest pause, and a clock that is some hours ahead. */
const PAUSED_AHEAD_MS_MAX = 24 * 3_600_000;
const CAPABILITIES_LENGTH_MAX = 64 * 1024;

/** Checks an agent's status report. Addresses that are none are left out later; sizes are refused here. */
export function decodeStatus(report: StatusReport): Result<StatusUpdate, string> {
  if (report.addresses.length > ADDRESSES_PER_WORKLOAD_MAX)
    return fail(`more than ${ADDRESSES_PER_WORKLOAD_MAX} addresses`);
  if (report.resolvers.length > RESOLVERS_MAX) return fail(`more than ${RESOLVERS_MAX} resolvers`);
  if (report.listeners.length > LISTENERS_MAX) return fail(`more than ${LISTENERS_MAX} listeners`);
  if (Object.keys(report.counters).length > COUNTERS_MAX) return fail(`more than ${COUNTERS_MAX} counters`);
  if (report.version.length > VERSION_LENGTH_MAX) return fail("the version is too long");
  const limit = BigInt(GENERATION_CLAIM_MAX);
  if (report.generation > limit || report.unconfirmedGeneration > limit)
    return fail("a generation that no controller gave");
  const capabilities = parseCapabilities(report.capabilities);
  if (capabilities === undefined) return fail("`capabilities` is not a JSON object");
  const listeners = [];
  for (const [index, listener] of report.listeners.entries()) {
    const process = listener.process === undefined ? null : decodeProcess(listener.process);
    if (process !== null && !process.ok) return fail(`listeners[${index}]: ${process.error}`);
    listeners.push({ proto: listener.proto, port: listener.port, exe: process?.value.exe ?? "" });
  }
  return ok({
    addresses: report.addresses,
    resolvers: report.resolvers,
    version: withoutNul(report.version),
    generation: Number(report.generation),
    unconfirmedGeneration: Number(report.unconfirmedGeneration),
    problem: withoutNul(report.problem).slice(0, PROBLEM_LENGTH_MAX),
    pausedUntil: pausedUntil(report.pausedUntilMs),
    capabilities,
    listeners,
    counters: Object.fromEntries(
      Object.entries(report.counters).map(([name, count]) => [withoutNul(name), Number(count)]),
    ),
  });
}

/** A host whose clock is wrong may say anything; it is shown, and decides nothing. */
function pausedUntil(ms: bigint): Date | null {
  return ms === 0n || ms > BigInt(Date.now() + PAUSED_AHEAD_MS_MAX) ? null : new Date(Number(ms));
}

function parseCapabilities(text: string): Record<string, unknown> | null | undefined {
  if (text === "") return null;
  if (text.length > CAPABILITIES_LENGTH_MAX) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    // Through text once more, since PostgreSQL's jsonb has no NUL.
    return JSON.parse(JSON.stringify(value).replaceAll("\\u0000", "")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** PostgreSQL's text has no NUL. */
export function withoutNul(text: string): string {
  return text.replaceAll("\0", "");
}
