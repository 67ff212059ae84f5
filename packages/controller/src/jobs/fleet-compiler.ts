import { ok } from "@ringwall/model";
import { type CompiledFrom, changedHosts } from "@ringwall/policy";
import type { AgentRecord } from "../store/state/fleet.ts";
import { type CompiledHost, compileFleet, type LiveWorld } from "./compile-fleet.ts";
import { type EssentialSource, essentialOf } from "./essential.ts";

type Stored = { readonly policy: Buffer; readonly digest: string };
type RememberedHost = {
  /** All that the policy was made of beside the revision and the inventory. */
  readonly madeOf: string;
  readonly digest: string;
  readonly held: CompiledHost["held"];
  readonly reach: CompiledHost["reach"];
};
type Remembered = {
  readonly revision: number;
  readonly from: CompiledFrom;
  /** By name; those that could not be compiled are not among them. */
  readonly hosts: ReadonlyMap<string, RememberedHost>;
};

/**
 * `compileFleet` that remembers the last fleet: hosts to which a change can mean nothing are not compiled again. What was
 * compiled is not kept a second time: `stored` has it, or it is compiled again.
 */
export function createFleetCompiler(stored: (workload: string) => Stored | undefined): typeof compileFleet {
  let last: Remembered | null = null;
  return async (world, revision, agents, essential, nowMs) => {
    const from: CompiledFrom = { set: world.set, inventory: world.inventory, nowMs };
    // A revision never changes, so that the policies are the same.
    const changed = last?.revision === revision ? changedHosts(last.from, from) : null;
    const madeOf = new Map(agents.map((agent) => [agent.name, inputsOf(world, essential, agent)]));
    const kept = new Map<string, CompiledHost>();
    for (const { name } of changed === null ? [] : agents) {
      const known = last?.hosts.get(name);
      const row = stored(name);
      if (known === undefined || row === undefined || changed?.has(name) === true) continue;
      if (known.madeOf !== madeOf.get(name) || known.digest !== row.digest) continue;
      const policy = { policy: row.policy, digest: row.digest };
      kept.set(name, { workload: name, result: ok(policy), held: known.held, reach: known.reach });
    }
    const missing = agents.filter((agent) => !kept.has(agent.name));
    const made = await compileFleet(world, revision, missing, essential, nowMs);
    const compiled = [...kept.values(), ...made];
    const hosts = compiled.flatMap(({ workload, result, held, reach }) =>
      result.ok
        ? [
            [
              workload,
              { madeOf: madeOf.get(workload) ?? "", digest: result.value.digest, held, reach },
            ] as const,
          ]
        : [],
    );
    last = { revision, from, hosts: new Map(hosts) };
    return compiled;
  };
}

/** What a host's policy is made of beside the revision and the inventory. */
function inputsOf(world: LiveWorld, essential: EssentialSource, agent: AgentRecord): string {
  return JSON.stringify([essentialOf(essential, agent), world.proves(agent.name), agent.capabilities]);
}
