import { API_VERSION, type Flow, type Workload } from "@ringwall/model";

/** Collects the workloads that records name, with the addresses they had there: an inventory where people have none. */
export function workloadsOfEdges(known: readonly Workload[]): {
  readonly add: (flow: Flow) => void;
  /** Those that `known` lacks, by name. */
  readonly workloads: () => readonly Workload[];
} {
  const names = new Set(known.map((workload) => workload.metadata.name));
  const found = new Map<string, Set<string>>();
  const add = (flow: Flow): void => {
    for (const end of [flow.src, flow.dst]) {
      if (end.workload == null || names.has(end.workload)) continue;
      const addresses = found.get(end.workload) ?? new Set<string>();
      found.set(end.workload, addresses);
      if (end.ip != null && !isLocal(end.ip)) addresses.add(end.ip);
    }
  };
  const workloads = (): readonly Workload[] =>
    [...found]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, addresses]) => ({
        apiVersion: API_VERSION,
        kind: "Workload" as const,
        metadata: { name },
        spec: { addresses: [...addresses].sort(), management: "agent" as const },
      }));
  return { add, workloads };
}

function isLocal(ip: string): boolean {
  return ip.startsWith("127.") || ip === "::1" || ip === "0.0.0.0" || ip === "::";
}
