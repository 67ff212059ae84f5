import type { Rule } from "@ringwall/model";
import { combineModes, createSegmentsOf, type Inventory, type PolicySet } from "@ringwall/policy";
import { hostCapabilities } from "@ringwall/protocol/agent";
import type { PolicyView, SegmentView, WorkloadView } from "@ringwall/protocol/rest";
import type { Hub } from "../api/agents/hub.ts";
import { awaitedProblem } from "../proof/awaited-problem.ts";
import type { Proofs } from "../proof/proofs-parts.ts";
import { type AgentRecord, type Fleet, flowsLostOf } from "../store/state/fleet.ts";
import { certificateProblem } from "./certificate-problem.ts";
import { levelOf } from "./required-level.ts";
import type { Rollout } from "./rollout.ts";
import { createTouchedSegments } from "./touched-segments.ts";
import type { Seen } from "./window.ts";

type FleetViewParts = {
  readonly fleet: Fleet;
  readonly hub: Hub;
  readonly rollout: Rollout;
  readonly proofs: Proofs;
};

/** Every workload of the inventory, with its agent where it has one. */
export function workloadViews(set: PolicySet, inventory: Inventory, parts: FleetViewParts): WorkloadView[] {
  const awaited = parts.proofs.awaited();
  const segmentsOf = createSegmentsOf(set.segments);
  return inventory.workloads.map((workload) => {
    const { name, labels } = workload.metadata;
    const agent = parts.fleet.get(name);
    const segments = segmentsOf(workload);
    const modes = combineModes(segments);
    return {
      name,
      labels: labels ?? {},
      addresses: workload.spec.addresses,
      management: workload.spec.management ?? "none",
      agent: agent === undefined ? null : agentView(agent, awaited, parts),
      segments: segments.map((one) => one.metadata.name),
      modes: { inbound: modes.inbound, outbound: modes.outbound, processes: modes.processes },
    };
  });
}

function agentView(
  agent: AgentRecord,
  awaited: ReturnType<Proofs["awaited"]>,
  { hub, rollout, proofs }: FleetViewParts,
): WorkloadView["agent"] {
  const wanted = rollout.wanted(agent.name);
  const connected = hub.isConnected(agent.name);
  const waits = awaited.get(agent.name);
  const holdsUp = waits === undefined ? "" : awaitedProblem({ ...agent, connected }, waits);
  const expired = connected ? "" : certificateProblem(agent, Date.now());
  const told = [agent.problem, wanted?.problem ?? "", holdsUp, expired];
  const problem = told.filter((one) => one !== "").join("; ");
  return {
    connected,
    lastSeen: agent.lastSeen?.toISOString() ?? null,
    version: agent.version,
    generation: agent.generation,
    generationWanted: wanted?.generation ?? 0,
    problem,
    pausedUntil: pausedUntilOf(agent),
    capability: levelOf(agent),
    ...hostView(agent.capabilities),
    proof: proofOf(proofs.keysOf(agent.name)),
    flowsLost: flowsLostOf(agent),
  };
}

/** Hosts tell every 15 s; one that is silent enforces again by its own clock. */
function pausedUntilOf({ pausedUntil }: AgentRecord): string | null {
  return pausedUntil === null || pausedUntil.getTime() < Date.now() ? null : pausedUntil.toISOString();
}

/** What the host's kernel gives and lacks, as its agent reports it. */
function hostView(capabilities: AgentRecord["capabilities"]) {
  const parsed = hostCapabilities.safeParse(capabilities);
  if (!parsed.success) return { kernel: null, features: [] };
  return { kernel: parsed.data.kernel, features: parsed.data.features };
}

function proofOf(keys: ReturnType<Proofs["keysOf"]>) {
  const newest = keys?.keys.at(-1);
  if (keys === null || newest === undefined) return null;
  return { generations: keys.keys.map((one) => one.generation), offered: newest.offeredAt.toISOString() };
}

/** The live segments, with what their modes let pass or refused in the given connections; allowed ones may be left out. */
export function segmentViews(set: PolicySet, inventory: Inventory, seen: readonly Seen[]): SegmentView[] {
  const segmentsOf = createSegmentsOf(set.segments);
  const fresh = () => ({ workloads: [] as string[], "would-block": 0, blocked: 0 });
  const totals = new Map(set.segments.map((segment) => [segment, fresh()]));
  for (const workload of inventory.workloads) {
    for (const segment of segmentsOf(workload)) totals.get(segment)?.workloads.push(workload.metadata.name);
  }
  const touchedBy = createTouchedSegments(set, inventory);
  for (const one of seen) {
    if (one.verdict === "allowed") continue;
    for (const segment of touchedBy(one)) {
      const total = totals.get(segment);
      if (total !== undefined) total[one.verdict] += Math.max(1, one.count);
    }
  }
  return set.segments.map((segment) => {
    const total = totals.get(segment) ?? fresh();
    const { mode, modes } = segment.spec;
    return {
      name: segment.metadata.name,
      workloads: total.workloads,
      modes: {
        inbound: mode ?? modes?.inbound ?? null,
        outbound: mode ?? modes?.outbound ?? null,
        processes: mode ?? modes?.processes ?? null,
      },
      wouldBlock: total["would-block"],
      blocked: total.blocked,
    };
  });
}

/** The live policies; `hits` are connections that a rule decided. */
export function policyViews(set: PolicySet, seen: readonly Seen[]): PolicyView[] {
  const hits = new Map<string, number>();
  for (const one of seen) hits.set(one.rule, (hits.get(one.rule) ?? 0) + Math.max(1, one.count));
  return set.policies.map((policy) => ({
    name: policy.metadata.name,
    owner: policy.metadata.owner ?? null,
    expires: policy.metadata.expires ?? null,
    rules: policy.spec.rules.map((rule) => ({
      name: rule.name,
      kind: "allow" in rule ? "allow" : "deny" in rule ? "deny" : "run",
      summary: summaryOf(rule),
      hits: hits.get(`${policy.metadata.name}/${rule.name}`) ?? 0,
    })),
  }));
}

/** One line: `crm-api in crm-app → postgres in crm-db, tcp/5432`. */
export function summaryOf(rule: Rule): string {
  if ("run" in rule) return `${list(rule.run.software)} in ${list(rule.run.segment)}`;
  const clause = "allow" in rule ? rule.allow : rule.deny;
  const ports = clause.ports === undefined ? "any port" : clause.ports.join(", ");
  return `${endpoint(clause.from)} → ${endpoint(clause.to)}, ${ports}`;
}

function endpoint(end: object | undefined): string {
  const factors = Object.entries(end ?? {}).map(([factor, value]: [string, unknown]) => {
    if (value === true) return factor;
    const text = typeof value === "string" || Array.isArray(value) ? list(value) : JSON.stringify(value);
    return factor === "software" ? text : `${factor} ${text}`;
  });
  return factors.length === 0 ? "anyone" : factors.join(", ");
}

function list(value: string | readonly string[]): string {
  return typeof value === "string" ? value : value.join(" | ");
}
