import { parsePortSpec, type Workload } from "@ringwall/model";
import type { HostRule } from "../lower/host-policy.ts";

export type HostPorts = NonNullable<HostRule["ports"]>;
/** A rule's ports: `ranges` hold for every destination, `named` for the destinations that serve them. */
export type RulePorts = {
  readonly ranges: HostPorts;
  readonly named: readonly { readonly port: HostPorts[number]; readonly servers: readonly Workload[] }[];
};

/** Takes port specifications apart; names resolve among `destinations`. Null = every protocol and port. */
export function rulePorts(
  specs: readonly string[] | undefined,
  destinations: readonly Workload[],
): RulePorts | null {
  if (specs === undefined) return null;
  const ranges: HostPorts = [];
  const named = new Map<string, { port: HostPorts[number]; servers: Workload[] }>();
  for (const text of specs) {
    const spec = parsePortSpec(text);
    if (spec === null) continue;
    if (spec.kind === "range") ranges.push({ proto: spec.proto, from: spec.from, to: spec.to });
    else addNamed(named, spec, destinations);
  }
  const sorted = [...named.keys()].sort().flatMap((key) => named.get(key) ?? []);
  return { ranges, named: sorted };
}

function addNamed(
  named: Map<string, { port: HostPorts[number]; servers: Workload[] }>,
  { name, proto }: { readonly name: string; readonly proto: "tcp" | "udp" | "sctp" },
  destinations: readonly Workload[],
): void {
  for (const workload of destinations) {
    for (const own of workload.spec.ports ?? []) {
      if (own.name !== name || own.proto !== proto) continue;
      const key = `${proto}/${own.port}`;
      const group = named.get(key) ?? { port: { proto, from: own.port, to: own.port }, servers: [] };
      if (!group.servers.includes(workload)) group.servers.push(workload);
      named.set(key, group);
    }
  }
}
