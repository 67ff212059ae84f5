import type { Attempt, Policy, Resource } from "@ringwall/model";
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
import { withNames } from "./with-names.ts";

const RUNS = 120;
const PEERS = [...world.ADDRESSES, ...world.OUTSIDE];
const PATTERNS = ["a.example", "*.a.example", "B.example."] as const;
/** What a resolver may have said for an address; the last three no pattern names. */
const NAMES = [
  "a.example",
  "x.a.example",
  "b.example",
  "A.Example",
  "y.x.a.example",
  "example",
  "c",
] as const;

const names = fc.array(fc.option(fc.constantFrom(...NAMES), { nil: null, freq: 2 }), {
  minLength: PEERS.length,
  maxLength: PEERS.length,
});
const patterns = fc.array(fc.option(fc.subarray([...PATTERNS], { minLength: 1 }), { nil: null }), {
  minLength: 12,
  maxLength: 12,
});
const query = fc.record({
  peer: fc.nat(PEERS.length - 1),
  channel: world.channel,
  identity: fc.option(world.identity, { nil: null }),
});

describe("names that a host's resolvers gave", () => {
  it("let through what the reference evaluator lets through for the name, by the same rule", () => {
    const time = new Date(world.WORK_TIME_MS).toISOString();
    let byName = 0;
    fc.assert(
      fc.property(
        world.workloads,
        world.policyResources,
        patterns,
        names,
        fc.array(query, { minLength: 20, maxLength: 20 }),
        (workloads, resources, wanted, resolved, queries) => {
          const set = policySetOf(withPatterns(resources, wanted));
          const inventory = inventoryOf(workloads);
          if (!inventory.ok) throw new Error("bug: names are distinct");
          const known = PEERS.flatMap((address, i) => {
            const name = resolved[i];
            return name == null ? [] : [{ address, names: [name] }];
          });
          const essential = { controller: null, resolvers: [], dhcp: false, management: [] };
          for (const { metadata } of workloads.filter(isManaged)) {
            const compiled = compileHost(set, inventory.value, metadata.name, {
              revision: 1,
              essential,
              proof: "unavailable",
              nowMs: world.WORK_TIME_MS,
            });
            if (!compiled.ok) throw new Error(JSON.stringify(compiled.error));
            const kernel = kernelOf(withNames(compiled.value, known), queries);
            const blind = kernelOf(compiled.value, queries);
            queries.forEach(({ peer, channel, identity }, i) => {
              const ip = PEERS[peer] ?? "";
              const at = channel.proto === "icmp" ? { icmpType: channel.port } : { port: channel.port };
              const src = {
                workload: metadata.name,
                ...(identity ?? {}),
                environment: [...(identity?.environment ?? [])],
              };
              const attempt: Attempt = {
                time,
                proto: channel.proto,
                ...at,
                src: identity === null ? { workload: metadata.name } : src,
                dst: { ip, fqdn: resolved[peer] ?? null },
              };
              const verdict = decide(set, inventory.value, attempt, { essential, pathStripped: () => true });
              if (!verdict.ok) throw new Error(JSON.stringify(verdict.error));
              const spec = verdict.value.outbound;
              const answer = kernel(i);
              expect({ outcome: answer.outcome, rule: answer.rule }).toEqual({
                outcome: spec?.outcome,
                rule: spec?.rule === "ungoverned" ? "default" : spec?.rule,
              });
              // Without names nothing is allowed that is not with them.
              if (blind(i).action === "allow") expect(answer.action).toBe("allow");
              else if (answer.action === "allow") byName++;
            });
          }
        },
      ),
      { numRuns: RUNS },
    );
    expect(byName).toBeGreaterThan(20);
  });
});

type Query = {
  readonly peer: number;
  readonly channel: { readonly proto: keyof typeof PROTO; readonly port: number };
  readonly identity: Parameters<ReturnType<typeof lowerHost>["subjectOf"]>[0];
};
const PROTO = { tcp: 6, udp: 17, icmp: 1, sctp: 132 } as const;

/** What the kernel answers to each query, with the rule's name. */
function kernelOf(policy: Parameters<typeof lowerHost>[0], queries: readonly Query[]) {
  const lowered = lowerHost(policy);
  const subjects = queries.map((one) => lowered.subjectOf(one.identity));
  const entries = [...lowered.entries, ...subjects.flatMap((one) => one.entries)];
  const kernel = createInterpreter({ slot: lowered.slot, entries });
  return (i: number) => {
    const { peer, channel } = queries[i] as Query;
    const answer = kernel({
      subject: subjects[i]?.subject ?? 0,
      peer: encodeAddress(parseAddress(PEERS[peer] ?? "") ?? 0n),
      direction: "outbound",
      proto: PROTO[channel.proto],
      port: channel.port,
    });
    return { ...answer, rule: lowered.ruleName(answer.rule) };
  };
}

/** Names for the destinations of some allow rules. */
function withPatterns(
  resources: readonly Resource[],
  wanted: readonly (string[] | null)[],
): readonly Resource[] {
  let next = 0;
  const named = (rule: Policy["spec"]["rules"][number]) => {
    const fqdn = wanted[next++ % wanted.length];
    if (fqdn == null || !("allow" in rule)) return rule;
    return { ...rule, allow: { ...rule.allow, to: { ...rule.allow.to, fqdn } } };
  };
  return resources.map((one) =>
    one.kind === "Policy" ? { ...one, spec: { ...one.spec, rules: one.spec.rules.map(named) } } : one,
  );
}
