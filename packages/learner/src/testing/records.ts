import type { Flow, FlowEnd, Workload } from "@ringwall/model";
import { edgesOfFlows } from "../input/edges-of-flows.ts";
import { learn } from "../learn.ts";
import type { LearnResult } from "../result.ts";

export type Program = Partial<FlowEnd>;

export function digest(n: number): string {
  return n.toString(16).padStart(64, "0");
}

export function host(name: string, ip: string, labels?: Record<string, string>): Workload {
  return {
    apiVersion: "ringwall.dev/v1",
    kind: "Workload",
    metadata: { name, ...(labels === undefined ? {} : { labels }) },
    spec: { addresses: [ip], management: "agent" },
  };
}

export const nginx: Program = {
  exe: "/usr/sbin/nginx",
  exeSha256: digest(1),
  package: "nginx",
  evidence: "deb-repo",
};
export const api: Program = {
  exe: "/usr/bin/python3.11",
  exeSha256: digest(2),
  package: "python3.11-minimal",
  evidence: "deb-repo",
  script: "/opt/crm/app.py",
  scriptSha256: digest(3),
};
export const postgres: Program = { exe: "/usr/lib/postgresql/15/bin/postgres", exeSha256: digest(4) };

/** The same flow on each of so many days. */
export function daily(
  src: Program,
  dst: Program,
  port: number,
  days: number,
  more: Partial<Flow> = {},
): readonly Flow[] {
  return Array.from({ length: days }, (_, day) => ({
    time: new Date(Date.UTC(2026, 10, 2 + day, 10)).toISOString(),
    proto: "tcp" as const,
    port,
    state: "established" as const,
    src,
    dst,
    count: 40,
    ...more,
  }));
}

/** Two web hosts, two application hosts, a database; nobody labelled them. */
export const shop = [
  host("web-1", "10.0.1.1"),
  host("web-2", "10.0.1.2"),
  host("app-1", "10.0.2.1"),
  host("app-2", "10.0.2.2"),
  host("db", "10.0.3.1"),
];

export function shopFlows(days: number): readonly Flow[] {
  const webs = ["web-1", "web-2"];
  const apps = ["app-1", "app-2"];
  return [
    ...webs.flatMap((web) => daily({ ip: "203.0.113.9" }, { workload: web, ...nginx }, 443, days)),
    ...webs.flatMap((web) =>
      apps.flatMap((app) => daily({ workload: web, ...nginx }, { workload: app, ...api }, 8000, days)),
    ),
    ...apps.flatMap((app) => daily({ workload: app, ...api }, { workload: "db", ...postgres }, 5432, days)),
  ];
}

export function learned(flows: readonly Flow[], inventory: readonly Workload[]): LearnResult {
  return learn({ edges: edgesOfFlows(flows, inventory), inventory, tightness: 0.5, seed: 1, taken: [] });
}
