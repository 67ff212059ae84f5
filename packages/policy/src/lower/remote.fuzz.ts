import type { Attempt, ProcessIdentity, Resource } from "@ringwall/model";
import { encodeAddress, parseAddress } from "@ringwall/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileHost } from "../compile/host.ts";
import { ESSENTIAL_NONE } from "../policy-set/essential.ts";
import { inventoryOf, isManaged } from "../policy-set/inventory.ts";
import { policySetOf } from "../policy-set/policy-set.ts";
import { decide } from "../spec/decide.ts";
import * as world from "../testing/arbitraries.ts";
import { createInterpreter } from "./interpret.ts";
import { REMOTE_NONE, REMOTE_PROVISIONAL, REMOTE_UNKNOWN } from "./kernel.ts";
import { lowerHost } from "./lower-host.ts";

const RUNS = 300;
const query = fc.record({
  peer: fc.constantFrom(...world.ADDRESSES),
  direction: fc.constantFrom("outbound" as const, "inbound" as const),
  port: fc.constantFrom(...world.PORTS),
  own: fc.option(world.identity, { nil: null }),
  // What is known of the peer's software: see docs/proof.md, "The look-up".
  known: fc.oneof(
    fc.constantFrom("stripped" as const, "unproved" as const, "connecting" as const),
    world.identity,
  ),
});
type Known = "stripped" | "unproved" | "connecting" | ProcessIdentity;

describe("the lowered entries of what peers prove", () => {
  it("give the reference evaluator's verdict and rule, whatever is known of the peer", () => {
    const time = new Date(world.WORK_TIME_MS).toISOString();
    const met = { allowed: 0, denied: 0, asked: 0 };
    fc.assert(
      fc.property(
        world.workloads,
        world.policyResources,
        fc.infiniteStream(fc.boolean()),
        fc.array(query, { minLength: 25, maxLength: 25 }),
        (workloads, resources, coin, queries) => {
          const set = policySetOf(resources.map((one) => requiringSome(one, coin)));
          const inventory = inventoryOf(workloads);
          if (!inventory.ok) throw new Error("bug: names are distinct");
          for (const workload of workloads.filter(isManaged)) {
            const { name } = workload.metadata;
            const options = { revision: 1, essential: ESSENTIAL_NONE, nowMs: world.WORK_TIME_MS };
            const compiled = compileHost(set, inventory.value, name, { ...options, proof: "available" });
            if (!compiled.ok) throw new Error(JSON.stringify(compiled.error));
            const lowered = lowerHost(compiled.value);
            const asked = queries.filter(({ peer, known, direction }) => {
              const owners = inventory.value.byAddress.get(parseAddress(peer) ?? 0n) ?? [];
              const [owner] = owners;
              const provable =
                owners.length === 1 && owner !== undefined && isManaged(owner) && owner !== workload;
              return provable && (known !== "connecting" || direction === "outbound");
            });
            const classes = asked.map((one) => ({
              own: lowered.subjectOf(one.own),
              remote: remoteFor(lowered, one.known),
            }));
            const entries = [
              ...lowered.entries,
              ...classes.flatMap(({ own, remote }) => [...own.entries, ...remote.entries]),
            ];
            const kernel = createInterpreter({ slot: lowered.slot, entries });
            asked.forEach(({ peer, direction, port, own, known }, i) => {
              const here = { workload: name, ...processKeys(own) };
              const there = { ip: peer, ...(typeof known === "string" ? {} : processKeys(known)) };
              const [src, dst] = direction === "outbound" ? [here, there] : [there, here];
              const said = saidOf(known);
              // A record of UDP says by its level whether its hosts prove datagrams.
              const proto = said.verification === undefined || i % 2 === 0 ? "tcp" : "udp";
              const attempt: Attempt = { time, proto, port, src, dst, ...said };
              const verdict = decide(set, inventory.value, attempt, {
                essential: ESSENTIAL_NONE,
                pathStripped: () => known === "stripped",
              });
              if (!verdict.ok) throw new Error(JSON.stringify(verdict.error));
              const spec = verdict.value[direction];
              const answer = kernel({
                subject: classes[i]?.own.subject ?? 0,
                remote: classes[i]?.remote.remote ?? REMOTE_NONE,
                peer: encodeAddress(parseAddress(peer) ?? 0n),
                direction,
                proto: PROTO[proto],
                port,
              });
              met[answer.action === "deny" ? "denied" : "allowed"]++;
              if (compiled.value.rules.some((rule) => rule.remote !== undefined)) met.asked++;
              const rule = spec?.rule === "ungoverned" ? "default" : spec?.rule;
              expect({ outcome: answer.outcome, rule: lowered.ruleName(answer.rule) }).toEqual({
                outcome: spec?.outcome,
                rule,
              });
            });
          }
        },
      ),
      { numRuns: RUNS },
    );
    // All must be common, or the test says little.
    const all = met.allowed + met.denied;
    expect(Math.min(met.allowed, met.denied, met.asked) / all).toBeGreaterThan(0.1);
  });
});

const PROTO = { tcp: 6, udp: 17 } as const;

/** Some of its allows ask for a proof. */
function requiringSome(resource: Resource, coin: fc.Stream<boolean>): Resource {
  if (resource.kind !== "Policy") return resource;
  const rules = resource.spec.rules.map((rule) =>
    "allow" in rule && coin.next().value
      ? { ...rule, allow: { ...rule.allow, verified: "required" as const } }
      : rule,
  );
  return { ...resource, spec: { ...resource.spec, rules } };
}

const REMOTE_OF = {
  stripped: REMOTE_NONE,
  unproved: REMOTE_UNKNOWN,
  connecting: REMOTE_PROVISIONAL,
} as const;

function remoteFor(lowered: ReturnType<typeof lowerHost>, known: Known) {
  if (typeof known === "string") return { remote: REMOTE_OF[known], entries: [] };
  return lowered.remoteOf(known);
}

/** What an attempt says when that much is known: an answer that has come makes it established. */
function saidOf(known: Known): Partial<Attempt> {
  if (known === "connecting") return {};
  if (known === "stripped") return { state: "established" };
  return { state: "established", verification: known === "unproved" ? "address" : "in-band" };
}

function processKeys(identity: ProcessIdentity | null) {
  return identity === null ? {} : { ...identity, environment: [...identity.environment] };
}
