import type { Attempt, ProcessIdentity } from "@ringwall/model";
import { encodeAddress, parseAddress } from "@ringwall/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileHost } from "../compile/host.ts";
import { inventoryOf, isManaged } from "../policy-set/inventory.ts";
import { policySetOf } from "../policy-set/policy-set.ts";
import { decide } from "../spec/decide.ts";
import * as world from "../testing/arbitraries.ts";
import { createInterpreter } from "./interpret.ts";
import { lowerHost } from "./lower-host.ts";

const PROTO = { tcp: 6, udp: 17, icmp: 1, sctp: 132 } as const;
const RUNS = 400;

const query = fc.record({
  peer: fc.constantFrom(...world.ADDRESSES, ...world.OUTSIDE),
  direction: fc.constantFrom("outbound" as const, "inbound" as const),
  channel: world.channel,
  identity: fc.option(world.identity, { nil: null }),
});

describe("the lowered entries", () => {
  it("give the reference evaluator's verdict and rule for every host, process, peer and port", () => {
    const time = new Date(world.WORK_TIME_MS).toISOString();
    let denied = 0;
    let allowed = 0;
    fc.assert(
      fc.property(
        world.workloads,
        world.policyResources,
        world.essential,
        fc.constantFrom(new Set<string>(), new Set(["w1"])),
        fc.array(query, { minLength: 20, maxLength: 20 }),
        (workloads, resources, essential, quarantined, queries) => {
          const set = policySetOf(resources);
          const inventory = inventoryOf(workloads);
          if (!inventory.ok) throw new Error("bug: names are distinct");
          for (const workload of workloads.filter(isManaged)) {
            const { name } = workload.metadata;
            const compiled = compileHost(set, inventory.value, name, {
              revision: 1,
              essential,
              proof: "unavailable",
              nowMs: world.WORK_TIME_MS,
              quarantined,
            });
            if (!compiled.ok) throw new Error(JSON.stringify(compiled.error));
            const lowered = lowerHost(compiled.value);
            const subjects = queries.map((one) => lowered.subjectOf(one.identity));
            const entries = [...lowered.entries, ...subjects.flatMap((one) => one.entries)];
            const kernel = createInterpreter({ slot: lowered.slot, entries });
            queries.forEach(({ peer, direction, channel, identity }, i) => {
              const own = { workload: name, ...processKeys(identity) };
              const [src, dst] = direction === "outbound" ? [own, { ip: peer }] : [{ ip: peer }, own];
              const at = channel.proto === "icmp" ? { icmpType: channel.port } : { port: channel.port };
              const attempt: Attempt = { time, proto: channel.proto, ...at, src, dst };
              const options = { essential, quarantined, pathStripped: () => true };
              const verdict = decide(set, inventory.value, attempt, options);
              if (!verdict.ok) throw new Error(JSON.stringify(verdict.error));
              const spec = verdict.value[direction];
              const answer = kernel({
                subject: subjects[i]?.subject ?? 0,
                peer: encodeAddress(parseAddress(peer) ?? 0n),
                direction,
                proto: PROTO[channel.proto],
                port: channel.port,
              });
              if (answer.action === "deny") denied++;
              else allowed++;
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
    // Both answers must be common, or the test says little.
    expect(Math.min(allowed, denied) / (allowed + denied)).toBeGreaterThan(0.1);
  });
});

/** All that is known of a process, as a record says it; nothing where nothing is known. */
function processKeys(identity: ProcessIdentity | null) {
  return identity === null ? {} : { ...identity, environment: [...identity.environment] };
}
