import { createHash } from "node:crypto";
import type { MapEdge, SoftwareView, WorkloadView } from "./types.ts";

/** `WORKLOAD:SOFTWARE` at both ends (software left out = not known), port, outcome, rule, connections. */
export type EdgeRow = readonly [
  from: string,
  to: string,
  port: string,
  outcome: MapEdge["outcome"],
  rule: string | null,
  count: number,
];

export function ago(now: number, seconds: number): string {
  return new Date(now - seconds * 1000).toISOString();
}

/** Edges of a table of rows; the last seen times step back from `now`, so that time windows have something to cut. */
export function edgesOf(rows: readonly EdgeRow[], managed: ReadonlySet<string>, now: number): MapEdge[] {
  return rows.map(([from, to, port, outcome, rule, count], index) => {
    const [source, sourceSoftware] = splitEnd(from);
    const [destination, destinationSoftware] = splitEnd(to);
    const [proto, number] = port.split("/");
    const bothManaged = managed.has(source) && managed.has(destination);
    return {
      source,
      sourceSoftware,
      destination,
      destinationSoftware,
      proto: proto ?? "tcp",
      port: number === undefined ? null : Number(number),
      count,
      bytesOut: count * 412,
      bytesIn: outcome === "blocked" ? 0 : count * 9_200,
      outcome,
      verification: bothManaged ? "attested" : managed.has(destination) ? "none" : "address",
      rule,
      lastSeen: ago(now, 2 + index * index * 9),
    };
  });
}

function splitEnd(end: string): [string, string | null] {
  const at = end.indexOf(":");
  return at < 0 ? [end, null] : [end.slice(0, at), end.slice(at + 1)];
}

export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export type Program = Pick<SoftwareView, "exe" | "script" | "package" | "provenance" | "users">;

/** The Software view of every program that the edges name. */
export function softwareOf(
  edges: readonly MapEdge[],
  programs: Readonly<Record<string, Program>>,
  named: ReadonlySet<string>,
  now: number,
): SoftwareView[] {
  const where = new Map<string, Set<string>>();
  const note = (name: string | null, workload: string) => {
    if (name === null) return;
    where.set(name, (where.get(name) ?? new Set<string>()).add(workload));
  };
  for (const edge of edges) {
    note(edge.sourceSoftware, edge.source);
    note(edge.destinationSoftware, edge.destination);
  }
  return [...where].map(([name, workloads], index) => {
    const program = programs[name] ?? {
      exe: `/usr/bin/${name}`,
      script: null,
      package: name,
      provenance: "signed" as const,
      users: ["root"],
    };
    return {
      name,
      named: named.has(name),
      ...program,
      exeSha256: program.provenance === "unknown" ? null : digestOf(program.exe),
      scriptSha256: program.script === null ? null : digestOf(program.script),
      unattributable: null,
      workloads: [...workloads].sort(),
      firstSeen: ago(now, 86_400 * 3 - index * 4_000),
      lastSeen: ago(now, 5 + index * 7),
    };
  });
}

/** A workload under an agent that is connected and up to date. */
export function managedWorkload(
  name: string,
  address: string,
  labels: Readonly<Record<string, string>>,
  segment: string | null,
  modes: WorkloadView["modes"],
  now: number,
): WorkloadView {
  return {
    name,
    labels: { ...labels, "ringwall.dev/name": name },
    addresses: [address],
    management: "agent",
    agent: {
      connected: true,
      lastSeen: ago(now, 3),
      version: "0.1.0",
      generation: 14,
      generationWanted: 14,
      pausedUntil: null,
      problem: "",
      capability: "core",
      kernel: "6.1.0-28-amd64",
      features: [
        {
          name: "refuse-at-connect",
          available: true,
          why: "",
          means: "a refused connect() fails with ECONNREFUSED",
        },
        {
          name: "refuse-exec",
          available: false,
          why: "the kernel has no fanotify permission events",
          means: "programs that no `run` rule allows are killed just after they have started",
        },
      ],
      proof: { generations: [3, 4], offered: ago(now, 7_200) },
      flowsLost: 0,
    },
    segments: segment === null ? [] : [segment],
    modes,
  };
}
