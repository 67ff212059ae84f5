/** Prefixes in text form and the ports (`tcp/22`) that operators reach from them on every managed workload. */
export type ManagementAccess = { readonly cidrs: readonly string[]; readonly ports: readonly string[] };

/**
 * Flows that no rule takes away (2-policy, "Essential"). ICMP errors and neighbour discovery are always among them.
 * Addresses are IPs or prefixes.
 */
export type EssentialConfig = {
  /** Where agents find their controller; null where there is none (offline work). */
  readonly controller: { readonly addresses: readonly string[]; readonly port: number } | null;
  /** Configured DNS resolvers: udp/53 and tcp/53, outbound. */
  readonly resolvers: readonly string[];
  /** Software resources that may ask the resolvers; empty = every process, as where there is no local stub. */
  readonly resolverSoftware?: readonly string[];
  /** DHCP to and from broadcast addresses and whatever is no workload of ours. */
  readonly dhcp: boolean;
  readonly management: readonly ManagementAccess[];
};

/** What holds where nothing was configured: DHCP and ICMP's errors only. */
export const ESSENTIAL_NONE: EssentialConfig = {
  controller: null,
  resolvers: [],
  dhcp: true,
  management: [],
};

/** The Software name by which a record says "this process is the Ringwall agent"; no resource may take it. */
export const AGENT_SOFTWARE = "ringwall-agent";
