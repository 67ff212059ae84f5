import type { Attempt, Policy, Problem, Segment, Workload } from "@ringwall/model";
import { createDecider, type Decider } from "../decider/decider.ts";
import type { ManagementAccess } from "../policy-set/essential.ts";
import { isManaged } from "../policy-set/inventory.ts";
import { selectsWorkload } from "../policy-set/labels.ts";
import { modesOf } from "../policy-set/modes.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { networkRules } from "../policy-set/rules.ts";
import type { World } from "./check.ts";
import { type Endpoint, namesProcess } from "./clauses.ts";
import { problemAt } from "./problem.ts";

/** How operators reach a host where nothing else was configured. */
const MANAGEMENT_PORT = 22;
/** Stand-ins for "some operator's machine": one in private space, one on the internet. */
const OPERATORS = ["10.255.255.254", "8.8.8.8"];
/** Workloads that are tried as a source for each workload. */
const SOURCES_MAX = 50;
/** Workloads that are tried as a destination: one for each set of labels, up to so many. */
const DESTINATIONS_MAX = 2000;

/** Workloads that no operator would reach any more. With a management list nobody can be locked out. */
export function lockoutProblems(world: World): readonly Problem[] {
  const { set, inventory, options } = world;
  if ((options.essential?.management ?? []).some(reachesAnything)) return [];
  const decider = createDecider(whateverTheProgram(set), inventory, { nowMs: options.nowMs, nearest: false });
  const sources = sourcesOf(world);
  const tried = representatives(inventory.workloads.filter(isManaged));
  const locked = tried.filter((one) => isLockedOut(set, decider, sources, one));
  const denied = locked.filter((one) => deniesEverybody(decider, sources, one));
  const configured = options.essential !== undefined;
  const victims = configured || denied.length === 0 ? locked : denied;
  const [example] = victims;
  if (example === undefined) return [];
  const segment = set.segments.find((one) => victims.some((victim) => blocksInbound(one, victim)));
  const more = victims.length > 1 ? ` and others with other labels` : "";
  const problem: Problem = {
    code: "lockout",
    severity: configured || denied.length > 0 ? "error" : "warning",
    message: `no operator would reach \`${example.metadata.name}\`${more} on tcp/${MANAGEMENT_PORT} any more`,
    fix: "configure the management list, or allow tcp/22 from where operators work",
  };
  return [segment === undefined ? problem : problemAt(set, segment, ["spec"], problem)];
}

function reachesAnything({ cidrs, ports }: ManagementAccess): boolean {
  return cidrs.length > 0 && ports.length > 0;
}

/** The policy as it is for the program that suits it best: which one answers on the port is not the question here. */
function whateverTheProgram(set: PolicySet): PolicySet {
  const open = (endpoint: Endpoint | undefined): Endpoint => {
    const { software: _s, user: _u, unit: _n, container: _c, ...place } = endpoint ?? {};
    return place;
  };
  const rulesOf = (policy: Policy): Policy["spec"]["rules"] =>
    policy.spec.rules.flatMap((rule): Policy["spec"]["rules"] => {
      if ("allow" in rule)
        return [{ ...rule, allow: { ...rule.allow, from: open(rule.allow.from), to: open(rule.allow.to) } }];
      const named =
        "deny" in rule &&
        [rule.deny.from, rule.deny.to].some((end) => end !== undefined && namesProcess(end));
      return named ? [] : [rule];
    });
  return {
    ...set,
    policies: set.policies.map((policy) => ({ ...policy, spec: { rules: rulesOf(policy) } })),
  };
}

function sourcesOf({ set, inventory }: World): readonly Attempt["src"][] {
  const blocks = networkRules(set).flatMap(({ from: { cidr } }) => {
    if (cidr === undefined) return [];
    if (typeof cidr === "string") return [cidr];
    return Array.isArray(cidr) ? cidr : [cidr.block];
  });
  const named = [...new Set(blocks.map((block) => block.split("/")[0] ?? ""))];
  const workloads = representatives(inventory.workloads).map((one) => ({ workload: one.metadata.name }));
  return [...[...OPERATORS, ...named].map((ip) => ({ ip })), ...workloads.slice(0, SOURCES_MAX)];
}

/** One workload for each set of labels. */
function representatives(workloads: readonly Workload[]): readonly Workload[] {
  const byLabels = new Map<string, Workload>();
  for (const one of workloads) {
    const key = JSON.stringify(Object.entries(one.metadata.labels ?? {}).sort());
    if (!byLabels.has(key)) byLabels.set(key, one);
    if (byLabels.size === DESTINATIONS_MAX) break;
  }
  return [...byLabels.values()];
}

function isLockedOut(
  set: PolicySet,
  decider: Decider,
  sources: readonly Attempt["src"][],
  workload: Workload,
): boolean {
  const immediate = networkRules(set).some((rule) => rule.immediate);
  if (modesOf(set, workload).inbound !== "block" && !immediate) return false;
  const { name } = workload.metadata;
  return sources
    .filter((src) => src.workload !== name)
    .every((src) => inboundOf(decider, src, name)?.outcome === "blocked");
}

/** Not for want of an allow, but by rules that deny it. */
function deniesEverybody(decider: Decider, sources: readonly Attempt["src"][], workload: Workload): boolean {
  const { name } = workload.metadata;
  return sources
    .filter((src) => src.workload !== name)
    .every((src) => inboundOf(decider, src, name)?.rule !== "default");
}

function inboundOf(decider: Decider, src: Attempt["src"], workload: string) {
  const verdict = decider.decide({ proto: "tcp", port: MANAGEMENT_PORT, src, dst: { workload } });
  return verdict.ok ? verdict.value.inbound : null;
}

function blocksInbound(segment: Segment, workload: Workload): boolean {
  const mode = segment.spec.mode ?? segment.spec.modes?.inbound;
  return mode === "block" && selectsWorkload(segment.spec.workloads, workload);
}
