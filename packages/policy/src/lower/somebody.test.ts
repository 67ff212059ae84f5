import { processOf } from "@ringwall/model/testing";
import { describe, expect, test } from "vitest";
import type { HostPolicy, HostRule } from "./host-policy.ts";
import { PEER_SOMEBODY } from "./kernel.ts";
import { lowerHost } from "./lower-host.ts";

const RULE: Pick<HostRule, "action" | "precedence" | "immediate" | "process" | "unproved"> = {
  action: "allow",
  precedence: "rule",
  immediate: false,
  process: null,
  unproved: [],
};
const POLICY: HostPolicy = {
  format: 1,
  workload: "web-1",
  revision: 1,
  modes: { inbound: "block", outbound: "block", processes: null },
  fail: "static",
  loopback: "enforce",
  established: "keep",
  requires: "core",
  selfAddresses: [],
  managedAddresses: [],
  run: [],
  software: {},
  processSelectors: [],
  addressSets: [{ include: ["10.0.0.0/8"], exclude: [] }],
  rules: [
    {
      ...RULE,
      id: 1,
      name: "a/web",
      direction: "inbound",
      peer: 0,
      ports: [{ proto: "tcp", from: 443, to: 443 }],
    },
  ],
};
const entriesOf = (more: Partial<HostPolicy>) =>
  lowerHost({ ...POLICY, ...more })
    .entries.filter(({ peer }) => peer === PEER_SOMEBODY)
    .map(
      ({ direction, proto, port, portBits, action }) => `${action} ${direction} ${proto} ${port}/${portBits}`,
    );

describe("who may wait for others", () => {
  test("is who a rule lets anybody in to, at the rule's ports", () => {
    expect(entriesOf({})).toEqual([
      "deny outbound 6 0/0",
      "deny outbound 17 0/0",
      "deny inbound 6 0/0",
      "allow inbound 6 443/16",
      "deny inbound 17 0/0",
    ]);
  });

  test("is also who is let in at another hour", () => {
    const serve = [{ process: null, ports: [{ proto: "udp" as const, from: 53, to: 53 }] }];
    expect(entriesOf({ serve })).toContain("allow inbound 17 53/16");
  });

  test("a name without an address yet may be connected to one day", () => {
    const addressSets = [
      ...POLICY.addressSets,
      { include: ["0.0.0.0/0"], exclude: [], fqdn: ["api.example"] },
    ];
    const byName = { ...RULE, id: 2, name: "a/api", direction: "outbound" as const, peer: 1, ports: null };
    expect(entriesOf({ addressSets, rules: [...POLICY.rules, byName] })).toContain("allow outbound 6 0/0");
  });

  test("is no software whose digest can't be told, where a deny for everybody names a digest", () => {
    const immediate = { ...RULE, id: 2, action: "deny" as const, immediate: true, process: 0 };
    const policy: HostPolicy = {
      ...POLICY,
      software: { odd: [{ executable: { sha256: "a".repeat(64) } }] },
      processSelectors: [{ software: { names: ["odd"], not: false } }],
      rules: [
        ...POLICY.rules,
        { ...immediate, name: "a/odd", direction: "inbound", peer: null, ports: null },
      ],
    };
    const lowered = lowerHost(policy);
    const { subject, entries } = lowered.subjectOf(processOf({ exeSha256: null }));
    const somebody = [...lowered.entries, ...entries].filter((one) => one.peer === PEER_SOMEBODY);
    expect(somebody.filter((one) => one.subject === subject && one.direction === "inbound")).toMatchObject(
      [6, 17].map((proto) => ({ proto, portBits: 0, action: "deny", immediate: true, rule: 2 })),
    );
  });

  test("is not judged where nothing governs what comes in", () => {
    expect(entriesOf({ modes: { ...POLICY.modes, inbound: null } })).toEqual([]);
  });
});
