import type { HostPolicy, HostRule } from "@ringwall/policy/lower";

/** The Software that a drill's rules allow. */
const SOFTWARE = "ringwall-drill";

/** What a drill adds to a host's policy while it runs: rules about its own two ends, and nothing else. */
export type DrillRules = {
  readonly side: "sender" | "receiver";
  /** The other end's address. */
  readonly peer: string;
  /** The sink where the sender's end judges. */
  readonly senderPort: number;
  /** The sink where the receiver's end judges; 0 = none. */
  readonly receiverPort: number;
  /** Whether this host reads proofs; else a receiver knows senders by their address. */
  readonly proves: boolean;
  /** What may reach the sink: the decoy and its script. */
  readonly software: HostPolicy["software"][string];
};

/**
 * The policy with a drill's rules. At the port where the sender judges, only the drill's software may leave it, whatever
 * else is allowed, and the receiver lets everything in from there; at the other port it is the other way round. Nothing is
 * said of any other address or port.
 */
export function withDrill(policy: HostPolicy, drill: DrillRules): HostPolicy {
  const name = freeName(policy);
  const selectors = policy.processSelectors.length;
  const first = Math.max(0, ...policy.rules.map((rule) => rule.id)) + 1;
  const rules = (drill.side === "sender" ? senderRules : receiverRules)(drill, selectors);
  return {
    ...policy,
    software: { ...policy.software, [name]: drill.software },
    processSelectors: [
      ...policy.processSelectors,
      { software: { names: [name], not: false } },
      { software: { names: [name], not: true } },
    ],
    addressSets: [...policy.addressSets, { include: [drill.peer], exclude: [] }],
    rules: [
      ...policy.rules,
      ...rules.map((rule, index) => ({
        ...COMMON,
        unproved: [],
        ...rule,
        id: first + index,
        peer: policy.addressSets.length,
      })),
    ],
  };
}

type DrillRule = Pick<HostRule, "name" | "direction" | "action" | "process" | "ports"> & {
  readonly remote?: number[];
  readonly unproved?: string[];
};
const COMMON = { precedence: "rule", immediate: false } as const;

function senderRules({ senderPort, receiverPort }: DrillRules, selectors: number): DrillRule[] {
  const ports = portsOf(senderPort);
  const out = { direction: "outbound" } as const;
  return [
    { ...out, name: "drill/allowed", action: "allow", process: selectors, ports },
    { ...out, name: "drill/others", action: "deny", process: selectors + 1, ports },
    ...(receiverPort === 0
      ? []
      : [
          {
            ...out,
            name: "drill/out",
            action: "allow" as const,
            process: null,
            ports: portsOf(receiverPort),
          },
        ]),
  ];
}

function receiverRules({ senderPort, receiverPort, proves }: DrillRules, selectors: number): DrillRule[] {
  const into = { direction: "inbound", process: null } as const;
  return [
    { ...into, name: "drill/sink", action: "allow", ports: portsOf(senderPort) },
    ...(receiverPort === 0
      ? []
      : [
          {
            ...into,
            name: "drill/proved",
            action: "allow" as const,
            ports: portsOf(receiverPort),
            ...(proves ? { remote: [selectors] } : {}),
            unproved: ["source software"],
          },
        ]),
  ];
}

function portsOf(port: number) {
  return (["tcp", "udp"] as const).map((proto) => ({ proto, from: port, to: port }));
}

function freeName(policy: HostPolicy): string {
  let name = SOFTWARE;
  while (name in policy.software) name += "-";
  return name;
}
