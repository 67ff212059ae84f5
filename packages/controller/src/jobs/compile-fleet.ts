import { createHash } from "node:crypto";
import { fail, ok, type Problem, type Resource, type Result } from "@ringwall/model";
import {
  createHostCompiler,
  type HostPolicy,
  type Inventory,
  inventoryOf,
  type PolicySet,
  policySetOf,
} from "@ringwall/policy";
import { type Reach, reachOf } from "../proof/reach.ts";
import type { AgentRecord, Fleet } from "../store/state/fleet.ts";
import { type EssentialSource, essentialOf } from "./essential.ts";
import { holdToLevel } from "./required-level.ts";
import { mapInStretches } from "./stretches.ts";

/** A revision's resources with the inventory they are judged on: the hosts with agents, and the written Workloads. */
export type World = { readonly set: PolicySet; readonly inventory: Inventory };
/** With what each host is capable of. */
export type LiveWorld = World & {
  /** Whether a host gives and reads proofs of software. */
  readonly proves: (workload: string) => boolean;
};

export function worldOf(resources: readonly Resource[], fleet: Fleet): Result<LiveWorld> {
  const set = policySetOf(resources);
  const inventory = inventoryOf([...fleet.workloads(), ...set.workloads]);
  const proves = (workload: string) => fleet.isProving(workload);
  return inventory.ok ? ok({ set, inventory: inventory.value, proves }) : inventory;
}

/** One host's policy as it is shipped, or why it can't be. */
export type CompiledHost = {
  readonly workload: string;
  readonly result: Result<{ readonly policy: Buffer; readonly digest: string }>;
  /** Why the host gets less than the revision says: what it can't do is held in alert. */
  readonly held: Problem | null;
  /** The peers that its policy speaks of; null where it could not be compiled. */
  readonly reach: Reach | null;
};

/** Compiles the policy of each of `agents` under a revision. Hosts with the same resolvers, with or without proofs, share a compiler. */
export async function compileFleet(
  world: LiveWorld,
  revision: number,
  agents: readonly AgentRecord[],
  essential: EssentialSource,
  nowMs: number,
): Promise<readonly CompiledHost[]> {
  const compilers = new Map<string, ReturnType<typeof createHostCompiler>>();
  return mapInStretches(agents, (agent) => {
    const config = essentialOf(essential, agent);
    const proof = world.proves(agent.name) ? "available" : "unavailable";
    const key = `${proof} ${config.resolvers.join()}`;
    const options = { revision, essential: config, proof, nowMs } as const;
    const compiler = compilers.get(key) ?? createHostCompiler(world.set, world.inventory, options);
    compilers.set(key, compiler);
    return compiledHost(compiler(agent.name), agent);
  });
}

function compiledHost(result: Result<HostPolicy>, agent: AgentRecord): CompiledHost {
  if (!result.ok) return { workload: agent.name, result, held: null, reach: null };
  const { policy, held } = holdToLevel(result.value, agent);
  return { workload: agent.name, result: ok(encode(policy)), held, reach: reachOf(policy) };
}

function encode(policy: object): { readonly policy: Buffer; readonly digest: string } {
  const bytes = Buffer.from(JSON.stringify(policy));
  return { policy: bytes, digest: createHash("sha256").update(bytes).digest("hex") };
}

/** Hosts that one problem names; what is wrong on a thousand is wrong in one way. */
const HOSTS_NAMED_MAX = 5;

/** Every host's problems together, each once with its hosts; a host that would be held in alert is one. */
export function compileProblems(compiled: readonly CompiledHost[]): Result<void> {
  const problems = new Map<string, { readonly problem: Problem; readonly hosts: string[] }>();
  for (const { workload, result, held } of compiled) {
    for (const problem of result.ok ? (held === null ? [] : [held]) : result.error) {
      const key = `${problem.code} ${problem.message}`;
      const known = problems.get(key) ?? { problem, hosts: [] };
      known.hosts.push(workload);
      problems.set(key, known);
    }
  }
  if (problems.size === 0) return ok(undefined);
  return fail([...problems.values()].map(({ problem, hosts }) => withHosts(problem, hosts)));
}

/** What holds of some hosts and not of others says of which. */
function withHosts(problem: Problem, hosts: readonly string[]): Problem {
  if (problem.code !== "proof-unavailable") return problem;
  const named = hosts.slice(0, HOSTS_NAMED_MAX).map((name) => `\`${name}\``);
  const more = hosts.length - named.length;
  const where = more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
  return { ...problem, message: `${problem.message}: ${where}` };
}
