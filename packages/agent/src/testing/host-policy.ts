import type { HostPolicy, HostRule } from "@ringwall/policy/lower";

/** Only what a test cares about: `web-1` in block both ways, loopback enforced, no rules. */
export function hostPolicyOf(parts: Partial<HostPolicy> = {}): HostPolicy {
  return {
    format: 1,
    workload: "web-1",
    revision: 1,
    modes: { inbound: "observe", outbound: "block", processes: null },
    fail: "static",
    loopback: "enforce",
    established: "keep",
    requires: "core",
    selfAddresses: [],
    managedAddresses: [],
    run: [],
    software: {},
    processSelectors: [],
    addressSets: [],
    rules: [],
    ...parts,
  };
}

/** Allows one piece of software everything outbound. */
export function allowSoftware(
  name: string,
  entry: HostPolicy["software"][string][number],
): Partial<HostPolicy> {
  const rule: HostRule = {
    id: 1,
    name: `test/${name} may connect`,
    direction: "outbound",
    action: "allow",
    precedence: "rule",
    immediate: false,
    process: 0,
    peer: null,
    ports: null,
    unproved: [],
  };
  return {
    software: { [name]: [entry] },
    processSelectors: [{ software: { names: [name], not: false } }],
    rules: [rule],
  };
}
