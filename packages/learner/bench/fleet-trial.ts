import { type Flow, isAttempt } from "@ringwall/model";
import { decide, inventoryOf, policySetOf } from "@ringwall/policy";
import type { AppGraph } from "../../lab/src/fleet/app-graph.ts";
import { buildFleet, type Fleet, workloadOf } from "../../lab/src/fleet/fleet.ts";
import { type Random, random } from "../../lab/src/fleet/random.ts";
import { drawTraffic, type LaterEdge, type Traffic } from "../../lab/src/fleet/traffic.ts";
import { edgesOfFlows, type LearnResult, learn } from "../src/index.ts";
import { permittedTuples } from "./permitted.ts";
import { adjustedRand } from "./rand-index.ts";
import { trueSegments, trueServiceEdges, tupleOf } from "./truth.ts";

/** Attack edges as a share of the true ones, one after the other over the seeds. */
const ATTACK_SHARES: readonly number[] = [0.01, 0.03, 0.05];

export type TrialOptions = {
  readonly share: number;
  readonly withLabels: boolean;
  readonly tightness?: number;
  readonly isPatient?: boolean;
  /** What the records hold of a flow; null where there is none of it. */
  readonly recorded?: (flow: Flow, rng: Random) => Flow | null;
  /** The later flows are recorded alike, since the policy is judged by what records hold. */
  readonly isLaterAlike?: boolean;
};

/** Sums of one trial, so that trials add up. */
export type Score = {
  readonly rand: number;
  readonly hosts: number;
  readonly benign: number;
  readonly benignAllowed: number;
  /** Of the benign edges, those the window had not shown. */
  readonly unseen: number;
  readonly unseenAllowed: number;
  readonly foreign: number;
  readonly foreignStopped: number;
  readonly lateral: number;
  readonly lateralStopped: number;
  readonly rules: number;
  readonly trueEdges: number;
  readonly infrastructure: number;
  readonly permitted: number;
  readonly permittedTrue: number;
  readonly trueTuples: number;
};

export type Trial = {
  readonly score: Score;
  readonly result: LearnResult;
  readonly fleet: Fleet;
  readonly traffic: Traffic;
  readonly wrong: readonly LaterEdge[];
};

/** One fleet of one application: draw, learn, and judge on what came later. */
export function fleetTrial(
  apps: readonly AppGraph[],
  seed: number,
  { share, withLabels, tightness = 0.5, isPatient = false, recorded, isLaterAlike }: TrialOptions,
): Trial {
  const rng = random(seed);
  const fleet = buildFleet(apps, rng, { replicasMax: 6, windowDays: 14 });
  const traffic = drawTraffic(fleet, rng, {
    windowDays: 14,
    laterDays: 7,
    share,
    attackShare: ATTACK_SHARES[seed % ATTACK_SHARES.length] ?? 0.03,
    isPatient,
  });
  const inventory = fleet.hosts.map((host) => workloadOf(host, withLabels));
  const window = recorded ? traffic.window.flatMap((flow) => recorded(flow, rng) ?? []) : traffic.window;
  const result = learn({
    edges: edgesOfFlows(window, inventory),
    inventory,
    tightness,
    seed,
    taken: [],
  });
  const isAllowed = judge(result, inventory);
  const verdicts = traffic.later.map((edge) => ({
    ...edge,
    allowed: isAllowed(isLaterAlike === true ? { flow: recorded?.(edge.flow, rng) ?? edge.flow } : edge),
  }));
  const count = (test: (edge: (typeof verdicts)[number]) => boolean): number => verdicts.filter(test).length;
  const truth = trueSegments(fleet);
  const edges = trueServiceEdges(fleet);
  const { permitted, permittedTrue, trueTuples } = overPermission(result, fleet);
  const score = {
    rand: randOf(result, fleet, truth),
    hosts: fleet.hosts.length,
    benign: count((e) => !e.isAttack),
    benignAllowed: count((e) => !e.isAttack && e.allowed),
    unseen: count((e) => !e.isAttack && !e.wasSeen),
    unseenAllowed: count((e) => !e.isAttack && !e.wasSeen && e.allowed),
    foreign: count((e) => e.pair.kind === "foreign"),
    foreignStopped: count((e) => e.pair.kind === "foreign" && !e.allowed),
    lateral: count((e) => e.pair.kind === "lateral"),
    lateralStopped: count((e) => e.pair.kind === "lateral" && !e.allowed),
    rules: result.report.rules.length,
    trueEdges: edges.services,
    infrastructure: edges.infrastructure,
    permitted,
    permittedTrue,
    trueTuples,
  };
  return { score, result, fleet, traffic, wrong: verdicts.filter((edge) => edge.allowed === edge.isAttack) };
}

/** By the reference evaluator, at both ends. */
export function judge(
  result: LearnResult,
  workloads: Parameters<typeof inventoryOf>[0],
): (edge: { readonly flow: LaterEdge["flow"] }) => boolean {
  const inventory = inventoryOf(workloads);
  if (!inventory.ok) throw new Error("bug: the fleet's inventory is not valid");
  const set = policySetOf(result.resources);
  return ({ flow }) => {
    if (!isAttempt(flow)) return false;
    const verdict = decide(set, inventory.value, flow);
    if (!verdict.ok) return false;
    const { outbound, inbound } = verdict.value;
    return (
      (outbound === null || outbound.decision === "allow") &&
      (inbound === null || inbound.decision === "allow")
    );
  };
}

/** Agreement with the true services; a segment made of whole services that count as one stands for that one. */
function randOf({ report }: LearnResult, fleet: Fleet, truth: ReadonlyMap<string, string>): number {
  const sizes = new Map<string, number>();
  for (const host of fleet.hosts) sizes.set(host.service, (sizes.get(host.service) ?? 0) + 1);
  const services = new Map(fleet.hosts.map((host) => [host.name, host.service]));
  const found = new Map<string, string>();
  for (const { name, members } of report.segments) {
    const own = Map.groupBy(members, (member) => services.get(member) ?? "");
    const kinds = new Set(members.map((member) => truth.get(member)));
    const isWhole =
      kinds.size === 1 && [...own].every(([service, hosts]) => hosts.length === sizes.get(service));
    for (const member of members) found.set(member, isWhole ? `kind ${truth.get(member)}` : name);
  }
  const hosts = [...truth.keys()].sort();
  return adjustedRand(
    hosts.map((host) => truth.get(host) ?? host),
    hosts.map((host) => found.get(host) ?? `alone ${host}`),
  );
}

function overPermission(
  result: LearnResult,
  fleet: Fleet,
): { permitted: number; permittedTrue: number; trueTuples: number } {
  const members = new Map(result.report.segments.map(({ name, members: own }) => [name, own]));
  const permitted = permittedTuples(result.resources, members);
  const shown = fleet.pairs.filter(({ kind }) => kind !== "month-end");
  const truth = new Set(shown.map(tupleOf).filter((tuple) => tuple !== null));
  let permittedTrue = 0;
  for (const tuple of permitted) if (truth.has(tuple)) permittedTrue += 1;
  return { permitted: permitted.size, permittedTrue, trueTuples: truth.size };
}
