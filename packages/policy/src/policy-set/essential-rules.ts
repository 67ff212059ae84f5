import { AGENT_SOFTWARE, type EssentialConfig } from "./essential.ts";
import { type NetworkRule, ruleOf } from "./rules.ts";

const BROADCAST = ["255.255.255.255/32", "ff02::1:2/128"];
/** RFC 792: destination unreachable, time exceeded, parameter problem. */
const ICMP_V4_ERRORS = ["icmp/3", "icmp/11", "icmp/12"];
/** RFC 4443 errors and RFC 4861 router and neighbour discovery. */
const ICMP_V6_NEEDED = [
  "icmp/1",
  "icmp/2",
  "icmp/3",
  "icmp/4",
  "icmp/133",
  "icmp/134",
  "icmp/135",
  "icmp/136",
];

/** The essential flows as rules of the same language. Under quarantine only the controller and the management list stay. */
export function essentialRules(config: EssentialConfig, quarantined: boolean): readonly NetworkRule[] {
  const kept = [...controllerRules(config), ...managementRules(config)];
  return quarantined ? kept : [...kept, ...resolverRules(config), ...dhcpRules(config), ...icmpRules()];
}

/** What a quarantined workload meets after its essential flows. */
export const QUARANTINE: NetworkRule = { ...ruleOf("quarantine", "deny", {}), immediate: true };

function controllerRules({ controller }: EssentialConfig): readonly NetworkRule[] {
  if (controller === null) return [];
  const to = { cidr: [...controller.addresses] };
  const ports = [`tcp/${controller.port}`];
  return [
    ruleOf("essential/controller", "allow", { from: { software: AGENT_SOFTWARE }, to, ports, at: "source" }),
    ruleOf("essential/controller", "allow", { to, ports, at: "destination" }),
  ];
}

function managementRules({ management }: EssentialConfig): readonly NetworkRule[] {
  return management
    .filter(({ cidrs, ports }) => cidrs.length > 0 && ports.length > 0)
    .map(({ cidrs, ports }) =>
      ruleOf("essential/management", "allow", { from: { cidr: [...cidrs] }, ports, at: "destination" }),
    );
}

function resolverRules({ resolvers, resolverSoftware }: EssentialConfig): readonly NetworkRule[] {
  if (resolvers.length === 0) return [];
  const from =
    resolverSoftware === undefined || resolverSoftware.length === 0
      ? {}
      : { software: [...resolverSoftware] };
  const to = { cidr: [...resolvers] };
  return [ruleOf("essential/resolver", "allow", { from, to, ports: ["udp/53", "tcp/53"], at: "source" })];
}

function dhcpRules({ dhcp }: EssentialConfig): readonly NetworkRule[] {
  if (!dhcp) return [];
  const request = { ports: ["udp/67", "udp/547"], at: "source" } as const;
  return [
    ruleOf("essential/dhcp", "allow", { to: { unmanaged: true }, ...request }),
    ruleOf("essential/dhcp", "allow", { to: { cidr: BROADCAST }, ...request }),
    ruleOf("essential/dhcp", "allow", {
      from: { unmanaged: true },
      ports: ["udp/68", "udp/546"],
      at: "destination",
    }),
  ];
}

function icmpRules(): readonly NetworkRule[] {
  const rules = [
    { cidr: "0.0.0.0/0", ports: ICMP_V4_ERRORS },
    { cidr: "::/0", ports: ICMP_V6_NEEDED },
  ];
  return rules.flatMap(({ cidr, ports }) => [
    ruleOf("essential/icmp", "allow", { to: { cidr }, ports, at: "source" }),
    ruleOf("essential/icmp", "allow", { from: { cidr }, ports, at: "destination" }),
  ]);
}
