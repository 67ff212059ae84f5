import { release } from "node:os";
import { formatProblem, type Problem } from "@ringwall/model";
import type { AgentOptions } from "./agent-options.ts";
import { describeCapabilities } from "./capabilities.ts";
import { observeAddresses } from "./observe/addresses.ts";
import { isStub } from "./observe/dns/resolvers.ts";
import type { KnownListener } from "./observe/listeners.ts";
import { toProcess } from "./observe/process-message.ts";
import { expiryOf } from "./session/credentials.ts";
import { type AgentReport, saveReport } from "./status.ts";
import { VERSION } from "./version.ts";
import type { Agent } from "./wire.ts";

/** Tells the controller and `status.json` how this agent is. Failing to reach the controller is no error here. */
export async function tellStatus(
  agent: Agent,
  { stateDir, addresses: observe = observeAddresses }: Pick<AgentOptions, "stateDir" | "addresses">,
  listeners: readonly KnownListener[],
  more: readonly Problem[] = [],
): Promise<void> {
  const { governor, session, reporter, names } = agent;
  const { current, waiting } = governor.state();
  const generation = current?.generation ?? 0n;
  const unconfirmed = waiting === null ? 0n : generation;
  const problem = [...more, ...governor.problems()].map(formatProblem).join("\n");
  const addresses = observe().map((address) => address.text);
  const counters = countersOf(agent);
  const credentials = session.credentials();
  const pausedUntilMs = agent.pause.pausedUntilMs();
  const report: AgentReport = {
    workload: credentials.workload,
    controller: credentials.controller,
    connected: session.client() !== null,
    connectionProblem: connectionProblem(agent),
    generation: String(generation),
    unconfirmedGeneration: String(unconfirmed),
    problem,
    addresses,
    counters: toText(counters),
    lost: toText(reporter.lost()),
    pausedUntil: pausedUntilMs === 0 ? null : new Date(pausedUntilMs).toISOString(),
    spooledReports: agent.spool.size().reports,
    certificateExpires: expiryOf(credentials)?.toISOString() ?? "",
    updated: new Date().toISOString(),
  };
  // On a full disk the controller is told all the same, and what stands there is older: `updated` says so.
  const saved = await saveReport(stateDir, report).then(
    () => true,
    () => false,
  );
  const message = {
    workload: credentials.workload,
    generation,
    unconfirmedGeneration: unconfirmed,
    problem,
    addresses,
    capabilities: formatCapabilities(agent),
    counters: saved ? counters : { ...counters, stateUnwritable: 1n },
    listeners: describeListeners(listeners),
    version: VERSION,
    pausedUntilMs: BigInt(pausedUntilMs),
    // A stub alone says nothing of the resolvers it asks: then the controller's own word holds.
    resolvers: names.resolvers().every(isStub) ? [] : [...names.resolvers()],
  };
  // The next report says the same; a lost connection is told by the session itself.
  await session.reportStatus(message).catch(() => undefined);
}

function connectionProblem({ session }: Agent): string | null {
  const failure = session.failure();
  if (session.client() !== null) return null;
  return failure === null ? "not tried yet" : `${failure.message}; ${failure.fix}`;
}

/** What people are told, and the loader's own report beside it. */
function formatCapabilities({ kernel, execGate }: Agent): string {
  const loaded = kernel.capabilities();
  return JSON.stringify(
    { ...loaded, ...describeCapabilities(loaded, release(), execGate) },
    (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value),
  );
}

function countersOf({ kernel, identifier, book, reporter, execControl }: Agent): Record<string, bigint> {
  const counters: Record<string, bigint> = {
    ...kernel.counters(),
    bookOverflows: BigInt(book.overflows()),
    beforeFirstLook: reporter.leftOut(),
  };
  for (const [name, count] of Object.entries(execControl.counts())) counters[name] = BigInt(count);
  for (const [name, count] of Object.entries(identifier.counts()))
    counters[`identify.${name}`] = BigInt(count);
  return counters;
}

function describeListeners(listeners: readonly KnownListener[]) {
  return listeners.map(({ proto, port, identity }) => ({
    proto,
    port,
    ...(identity === undefined ? {} : { process: toProcess(identity) }),
  }));
}

function toText(counts: Readonly<Record<string, bigint>>): Record<string, string> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]));
}
