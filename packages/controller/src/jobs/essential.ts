import { readFileSync } from "node:fs";
import { formatAddress, isLoopback, parseAddress } from "@ringwall/model";
import type { EssentialConfig } from "@ringwall/policy";
import type { ManagementEntry } from "../options.ts";
import type { AgentRecord } from "../store/state/fleet.ts";

/**
 * Operators' way in where nobody named one: SSH from private networks. Wide, but a host that nobody can reach any more
 * is worse than one that is still reachable; a provision says so until the list is given.
 */
export const MANAGEMENT_DEFAULT: readonly ManagementEntry[] = [
  { cidrs: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"], ports: ["tcp/22"] },
];
const RESOLV_CONF = "/etc/resolv.conf";

export type EssentialSource = {
  /** Where agents reach the controller: every address they may use. */
  readonly controller: { readonly addresses: readonly string[]; readonly port: number };
  readonly management: readonly ManagementEntry[];
  /** Null: what each host reports, else this machine's. */
  readonly resolvers: readonly string[] | null;
};

/** One host's essential flows. Its resolvers are its own report: root there can lie for that host, and only for it. */
export function essentialOf(source: EssentialSource, agent: AgentRecord | null): EssentialConfig {
  const reported = agent === null || agent.resolvers.length === 0 ? localResolvers() : agent.resolvers;
  return {
    controller: source.controller,
    resolvers: source.resolvers ?? reported,
    dhcp: true,
    management: source.management,
  };
}

/** For questions about the whole fleet: everybody's resolvers. */
export function essentialOfFleet(source: EssentialSource, agents: readonly AgentRecord[]): EssentialConfig {
  const resolvers = new Set([...localResolvers(), ...agents.flatMap((agent) => agent.resolvers)]);
  return { ...essentialOf(source, null), resolvers: source.resolvers ?? [...resolvers].sort() };
}

function localResolvers(): readonly string[] {
  try {
    const found = readFileSync(RESOLV_CONF, "utf8").matchAll(/^\s*nameserver\s+(\S+)/gm);
    return [...found].flatMap((match) => {
      const address = parseAddress((match[1] ?? "").replace(/%.*$/, ""));
      return address === null || isLoopback(address) ? [] : [formatAddress(address)];
    });
  } catch {
    return [];
  }
}
