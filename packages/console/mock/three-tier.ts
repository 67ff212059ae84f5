import { ago, type EdgeRow, edgesOf, managedWorkload, type Program, softwareOf } from "./edge-list.ts";
import { proposalOf, rejectionsOf } from "./proposal.ts";
import type { AlertView, MockState, PathView, PolicyView, RevisionView, WorkloadView } from "./types.ts";

const OBSERVE = { inbound: "observe", outbound: "observe", processes: "observe" } as const;
const WEB = { inbound: "block", outbound: "block", processes: "observe" } as const;
const APP = { inbound: "alert", outbound: "alert", processes: "observe" } as const;
const DB = { inbound: "block", outbound: "alert", processes: "observe" } as const;

const rows: readonly EdgeRow[] = [
  ["internet", "web-1:nginx", "tcp/443", "allowed", "shop/customers reach the web", 48_210],
  ["internet", "web-2:nginx", "tcp/443", "allowed", "shop/customers reach the web", 47_988],
  ["web-1:nginx", "app-1:shop-api", "tcp/8080", "allowed", "shop/web calls the API", 31_002],
  ["web-1:nginx", "app-2:shop-api", "tcp/8080", "allowed", "shop/web calls the API", 30_774],
  ["web-2:nginx", "app-1:shop-api", "tcp/8080", "allowed", "shop/web calls the API", 30_551],
  ["web-2:nginx", "app-2:shop-api", "tcp/8080", "allowed", "shop/web calls the API", 31_120],
  ["app-1:shop-api", "db-1:postgres", "tcp/5432", "allowed", "shop/API reads the database", 12_400],
  ["app-2:shop-api", "db-1:postgres", "tcp/5432", "allowed", "shop/API reads the database", 12_231],
  ["app-1:shop-worker", "db-1:postgres", "tcp/5432", "allowed", "shop/worker reads the database", 804],
  ["app-1:shop-worker", "internet", "tcp/443", "would-block", "default", 61],
  ["backup-1:pg_dump", "db-1:postgres", "tcp/5432", "allowed", "shop/backup dumps the database", 24],
  ["app-2:report.py", "db-1:postgres", "tcp/5432", "blocked", "default", 37],
  ["web-1:bash", "db-1:postgres", "tcp/5432", "blocked", "default", 3],
  ["jump-1:nmap", "web-1", "tcp/22", "blocked", "default", 14],
  ["jump-1:nmap", "db-1", "tcp/5432", "blocked", "default", 14],
  ["jump-1:ssh", "app-1:sshd", "tcp/22", "allowed", "essential/management", 9],
  ["db-1:postgres", "db-1:postgres", "tcp/5432", "allowed", "shop/replication on the host", 310],
  ["db-1:psql", "db-1:postgres", "tcp/5432", "would-block", "default", 12],
  ["10.0.9.0/24", "web-1:node_exporter", "tcp/9100", "would-block", "default", 720],
  ["app-1:systemd-resolved", "10.0.0.0/24", "udp/53", "allowed", "essential/resolver", 2_210],
];

const programs: Readonly<Record<string, Program>> = {
  nginx: {
    exe: "/usr/sbin/nginx",
    script: null,
    package: "nginx",
    provenance: "signed",
    users: ["www-data"],
  },
  "shop-api": {
    exe: "/usr/bin/python3.11",
    script: "/opt/shop/api.py",
    package: "python3.11-minimal",
    provenance: "hash-only",
    users: ["shop"],
  },
  "shop-worker": {
    exe: "/usr/bin/python3.11",
    script: "/opt/shop/worker.py",
    package: "python3.11-minimal",
    provenance: "hash-only",
    users: ["shop"],
  },
  "report.py": {
    exe: "/usr/bin/python3.11",
    script: "/tmp/report.py",
    package: "python3.11-minimal",
    provenance: "unknown",
    users: ["shop"],
  },
  postgres: {
    exe: "/usr/lib/postgresql/15/bin/postgres",
    script: null,
    package: "postgresql-15",
    provenance: "signed",
    users: ["postgres"],
  },
  nmap: { exe: "/home/eve/nmap", script: null, package: null, provenance: "unknown", users: ["eve"] },
};

/** A shop in three tiers, half way through its roll-out: some segments in block, one in alert, an intruder at work. */
export function threeTier(now: number): MockState {
  const workloads: WorkloadView[] = [
    managedWorkload("web-1", "10.0.1.11", { app: "shop", role: "web" }, "shop-web", WEB, now),
    managedWorkload("web-2", "10.0.1.12", { app: "shop", role: "web" }, "shop-web", WEB, now),
    managedWorkload("app-1", "10.0.2.7", { app: "shop", role: "app" }, "shop-app", APP, now),
    managedWorkload("app-2", "10.0.2.8", { app: "shop", role: "app" }, "shop-app", APP, now),
    managedWorkload("db-1", "10.0.3.4", { app: "shop", role: "db" }, "shop-db", DB, now),
    managedWorkload("backup-1", "10.0.4.2", { app: "shop", role: "backup" }, "shop-backup", OBSERVE, now),
    managedWorkload("jump-1", "10.0.5.2", { role: "jump" }, null, OBSERVE, now),
  ];
  const edges = edgesOf(rows, new Set(workloads.map((workload) => workload.name)), now);
  const proposal = proposalOf(now);
  const named = new Set(["nginx", "shop-api", "shop-worker", "postgres", "pg_dump"]);
  return {
    signedIn: true,
    status: {
      version: "0.1.0",
      revision: 6,
      generation: 14,
      draftChanged: false,
      pending: null,
      agents: { connected: 7, enrolled: 7, behind: 0, awaited: 0 },
      flows: { stored: 231_405, lost: 0 },
      proposedAt: proposal.madeAt,
      consoleUrl: "http://127.0.0.1:7480",
    },
    workloads,
    software: softwareOf(edges, programs, named, now),
    segments: [
      { name: "shop-web", workloads: ["web-1", "web-2"], modes: WEB, wouldBlock: 720, blocked: 17 },
      { name: "shop-app", workloads: ["app-1", "app-2"], modes: APP, wouldBlock: 61, blocked: 0 },
      { name: "shop-db", workloads: ["db-1"], modes: DB, wouldBlock: 12, blocked: 54 },
      { name: "shop-backup", workloads: ["backup-1"], modes: OBSERVE, wouldBlock: 0, blocked: 0 },
    ],
    policies: [policy()],
    alerts: alerts(now),
    revisions: revisions(now),
    proposal,
    rejections: rejectionsOf(proposal),
    paths: [
      pathOf("backup-1", "db-1", "stripped", { sent: 24, proved: 0, missing: 24 }, now),
      pathOf("app-1", "db-1", "expected", { sent: 13_204, proved: 13_204, missing: 0 }, now),
    ],
    addresses: ["internet", "10.0.9.0/24", "10.0.0.0/24"],
    edges,
    listeners: new Set(),
  };
}

function pathOf(
  source: string,
  destination: string,
  state: PathView["state"],
  counts: Pick<PathView, "sent" | "proved" | "missing">,
  now: number,
): PathView {
  const since = state === "stripped" ? ago(now, 900) : null;
  return { source, destination, state, since, lastReport: ago(now, 4), ...counts, wrong: 0 };
}

function policy(): PolicyView {
  const allow = (name: string, summary: string, hits: number) => ({
    name,
    kind: "allow" as const,
    summary,
    hits,
  });
  return {
    name: "shop",
    owner: "shop-team",
    expires: "2027-06-30",
    rules: [
      allow("customers reach the web", "internet → nginx @ shop-web, tcp/443", 96_198),
      allow("web calls the API", "nginx @ shop-web → shop-api @ shop-app, tcp/8080", 123_447),
      allow(
        "API reads the database",
        "shop-api @ shop-app (user shop) → postgres @ shop-db, tcp/5432",
        24_631,
      ),
      allow("worker reads the database", "shop-worker @ shop-app → postgres @ shop-db, tcp/5432", 804),
      allow("backup dumps the database", "pg_dump @ shop-backup → postgres @ shop-db, tcp/5432", 24),
      {
        name: "nothing unmanaged reaches the database",
        kind: "deny",
        summary: "unmanaged → shop-db, immediate",
        hits: 0,
      },
      { name: "what may run on the database", kind: "run", summary: "postgres, pg_dump on shop-db", hits: 3 },
    ],
  };
}

function alerts(now: number): AlertView[] {
  const base = { rule: "default" } as const;
  return [
    {
      ...base,
      id: "a1",
      time: ago(now, 2_400),
      lastTime: ago(now, 40),
      count: 37,
      kind: "blocked",
      workload: "db-1",
      message: "`report.py` on app-2 tried tcp/5432 of db-1 37 times; nearest rule: `API reads the database`",
    },
    {
      ...base,
      id: "a2",
      time: ago(now, 900),
      lastTime: ago(now, 610),
      count: 28,
      kind: "blocked",
      workload: "db-1",
      message: "`nmap` on jump-1 tried 28 connections that no rule allows",
    },
    {
      ...base,
      id: "a3",
      time: ago(now, 7_000),
      lastTime: ago(now, 350),
      count: 61,
      kind: "would-block",
      workload: "app-1",
      message: "`shop-worker` on app-1 reaches tcp/443 on the internet; `block` would refuse it",
    },
    {
      id: "a4",
      time: ago(now, 950),
      lastTime: ago(now, 950),
      count: 1,
      kind: "new-software",
      workload: "jump-1",
      rule: null,
      message: "`/home/eve/nmap` ran for the first time on jump-1; provenance unknown",
    },
  ];
}

function revisions(now: number): RevisionView[] {
  const row = (revision: number, seconds: number, note: string, state: RevisionView["state"]) => ({
    revision,
    time: ago(now, seconds),
    author: "operator",
    note,
    state,
    segments: 4,
    rules: 7,
  });
  return [
    row(6, 3_200, "mode shop-web block", "live"),
    row(5, 9_000, "mode shop-app alert", "superseded"),
    row(4, 22_000, "mode shop-db block", "superseded"),
    row(3, 26_000, "mode shop-db block", "reverted"),
    row(2, 90_000, "mode shop-db alert", "superseded"),
    row(1, 99_000, "learned from 24 h of flows", "superseded"),
    row(0, 99_600, "nothing provisioned yet", "superseded"),
  ];
}
