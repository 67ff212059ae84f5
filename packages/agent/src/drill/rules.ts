import type { HostPolicy, HostRule } from "@ringwall/policy/lower";

/** The Software that a drill's rules allow. */
const SOFTWARE = "ringwall-drill";

/** What a drill adds to a host's policy while it runs: rules about its own two ends, and nothing else. */
export type DrillRules = {
  readonly side: "sender" | "receiver";
  /** The other end's address. */
  readonly peer: string;
  /** The sink's port. */
  readonly port: number;
  /** What may reach the sink: the decoy and its script. */
  readonly software: HostPolicy["software"][string];
};

/**
 * The policy with a drill's rules. At the sender only the drill's software may go to the sink, whatever else is allowed;
 * at the receiver the sink may be reached from the sender. Nothing is said of any other address or port.
 */
export function withDrill(policy: HostPolicy, { side, peer, port, software }: DrillRules): HostPolicy {
  const name = freeName(policy);
  const selectors = policy.processSelectors.length;
  const own = {
    precedence: "rule" as const,
    immediate: false,
    peer: policy.addressSets.length,
    ports: (["tcp", "udp"] as const).map((proto) => ({ proto, from: port, to: port })),
    unproved: [],
  };
  const id = Math.max(0, ...policy.rules.map((rule) => rule.id)) + 1;
  const rules: HostRule[] =
    side === "sender"
      ? [
          { ...own, id, name: "drill/allowed", direction: "outbound", action: "allow", process: selectors },
          {
            ...own,
            id: id + 1,
            name: "drill/others",
            direction: "outbound",
            action: "deny",
            process: selectors + 1,
          },
        ]
      : [{ ...own, id, name: "drill/sink", direction: "inbound", action: "allow", process: null }];
  return {
    ...policy,
    software: { ...policy.software, [name]: software },
    processSelectors: [
      ...policy.processSelectors,
      { software: { names: [name], not: false } },
      { software: { names: [name], not: true } },
    ],
    addressSets: [...policy.addressSets, { include: [peer], exclude: [] }],
    rules: [...policy.rules, ...rules],
  };
}

function freeName(policy: HostPolicy): string {
  let name = SOFTWARE;
  while (name in policy.software) name += "-";
  return name;
}
