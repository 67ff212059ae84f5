import fc from "fast-check";
import { expect, test } from "vitest";
import { compileHost } from "../compile/host.ts";
import { inventoryOf, isManaged } from "../policy-set/inventory.ts";
import { policySetOf } from "../policy-set/policy-set.ts";
import * as world from "../testing/arbitraries.ts";
import { ANY, PEER_SOMEBODY, type PolicyEntry } from "./kernel.ts";
import { lowerHost } from "./lower-host.ts";
import { peerClassesOf } from "./peer-trie.ts";

const PORTS = [0, 22, 53, 80, 443, 5432, 8000, 8080, 65535];
const SEVERITY = { allow: 0, deny: 1, immediate: 2 } as const;

/** The kernel's look-up for one peer class. */
function severityOf(
  entries: ReadonlyMap<string, PolicyEntry>,
  subject: number,
  peer: number,
  at: { readonly direction: string; readonly proto: number; readonly port: number },
): number {
  for (const [who, whom] of [
    [subject, peer],
    [ANY, peer],
    [subject, ANY],
    [ANY, ANY],
  ]) {
    for (let bits = 16; bits >= 0; bits--) {
      const port = (at.port >> (16 - bits)) << (16 - bits);
      const hit = entries.get(`${who} ${whom} ${at.direction} ${at.proto} ${port}/${bits}`);
      if (hit !== undefined) return hit.immediate ? SEVERITY.immediate : SEVERITY[hit.action];
    }
  }
  return SEVERITY.deny;
}

test("somebody meets the least severe verdict of all peers, and whoever may be let in one day may wait", () => {
  let served = 0;
  fc.assert(
    fc.property(
      world.workloads,
      world.policyResources,
      world.essential,
      fc.constantFrom(new Set<string>(), new Set(["w1"])),
      fc.constantFrom(world.WORK_TIME_MS, world.WORK_TIME_MS + 12 * 3_600_000),
      fc.array(world.identity, { minLength: 3, maxLength: 3 }),
      (workloads, resources, essential, quarantined, nowMs, identities) => {
        const inventory = inventoryOf(workloads);
        if (!inventory.ok) throw new Error("bug: names are distinct");
        for (const workload of workloads.filter(isManaged)) {
          const { name } = workload.metadata;
          const options = { revision: 1, essential, proof: "unavailable", nowMs, quarantined } as const;
          const compiled = compileHost(policySetOf(resources), inventory.value, name, options);
          if (!compiled.ok) throw new Error(JSON.stringify(compiled.error));
          const policy = compiled.value;
          served += policy.serve?.length ?? 0;
          const lowered = lowerHost(policy);
          // Known software of which nothing can be told that rules ask for shares the class of what is not known.
          const subjects = [null, ...identities].map((identity) => lowered.subjectOf(identity));
          const all = [...lowered.entries, ...subjects.flatMap((one) => one.entries)];
          const entries = new Map(
            all.map((one) => [
              `${one.subject} ${one.peer} ${one.direction} ${one.proto} ${one.port}/${one.portBits}`,
              one,
            ]),
          );
          if (policy.modes.inbound === null) {
            expect(all.filter(({ peer }) => peer === PEER_SOMEBODY)).toEqual([]);
            continue;
          }
          const classes = peerClassesOf(policy).setsOf.map((_, peer) => peer);
          for (const { subject } of subjects) {
            for (const proto of [6, 17]) {
              for (const port of PORTS) {
                const at = { direction: "inbound", proto, port };
                const least = Math.min(...classes.map((peer) => severityOf(entries, subject, peer, at)));
                const somebody = severityOf(entries, subject, PEER_SOMEBODY, at);
                if (policy.serve === undefined) expect(somebody).toBe(least);
                else expect(somebody === least || somebody === SEVERITY.allow).toBe(true);
              }
              const out = { direction: "outbound", proto };
              const least = Math.min(
                ...classes.flatMap((peer) =>
                  PORTS.map((port) => severityOf(entries, subject, peer, { ...out, port })),
                ),
              );
              // The named ports are not all there are: it may be less severe.
              const somebody = severityOf(entries, subject, PEER_SOMEBODY, { ...out, port: 0 });
              expect(somebody).toBeLessThanOrEqual(least);
            }
          }
        }
      },
    ),
    { numRuns: 200 },
  );
  expect(served).toBeGreaterThan(0);
});
