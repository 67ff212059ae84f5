import { ago } from "./edge-list.ts";
import type { ProposalView, ProposedRule, RejectionView } from "./types.ts";

type Row = readonly [
  policy: string,
  rule: string,
  summary: string,
  port: string,
  connections: number,
  days: number,
  over: number,
  confidence: number,
];

const rows: readonly Row[] = [
  [
    "shop",
    "web calls the API",
    "nginx, segment shop-web → shop-api, segment shop-app",
    "tcp/8080",
    123_447,
    7,
    1,
    0.99,
  ],
  [
    "shop",
    "API reads the database",
    "shop-api, segment shop-app → postgres, segment shop-db",
    "tcp/5432",
    24_631,
    7,
    1,
    0.98,
  ],
  [
    "shop",
    "worker reads the database",
    "shop-worker, segment shop-app → postgres, segment shop-db",
    "tcp/5432",
    804,
    6,
    2,
    0.81,
  ],
  [
    "shop",
    "report reads the database",
    "report.py, segment shop-app → postgres, segment shop-db",
    "tcp/5432",
    37,
    1,
    2,
    0.34,
  ],
  [
    "infrastructure",
    "names are resolved",
    "any workload → systemd-resolved, cidr 10.0.0.0/24",
    "udp/53",
    2_210,
    7,
    1.25,
    0.97,
  ],
];

/** A proposal half reviewed: one rule accepted, one rejected, the rest open. */
export function proposalOf(now: number): ProposalView {
  const rules = rows.map((row) => ruleOf(row, now));
  return {
    madeAt: ago(now, 5_400),
    madeBy: "operator",
    since: "7d",
    kind: "new",
    rules: rules.map((rule, index) => {
      if (index === 0) return { ...rule, state: "accepted", by: "operator", decidedAt: ago(now, 600) };
      if (index !== 3) return rule;
      const reason = "a script in /tmp is not ours";
      return { ...rule, state: "rejected", reason, by: "operator", decidedAt: ago(now, 300) };
    }),
    segments: [
      { name: "shop-app", members: ["app-1", "app-2"], why: "same neighbours and software", isNew: true },
    ],
    edits: [],
    setAside: [
      {
        source: "jump-1",
        sourceSoftware: "nmap",
        destination: "db-1",
        destinationSoftware: null,
        port: "tcp/5432",
        reason: "scan",
        words: "nmap on jump-1 tried many addresses and ports, and most refused",
        edges: 2,
        connections: 28,
        suspicious: true,
      },
      {
        source: "app-1",
        sourceSoftware: "shop-worker",
        destination: "internet",
        destinationSoftware: null,
        port: "tcp/443",
        reason: "rare",
        words: "one of two replicas did this, on one day",
        edges: 1,
        connections: 61,
        suspicious: false,
      },
    ],
    readiness: [],
    curve: [],
    overPermission: 1.12,
    order: ["shop-db", "shop-web", "shop-app"],
    notes: ["month-end has not been seen: jobs that run then are not in these rules"],
  };
}

export function rejectionsOf(proposal: ProposalView): RejectionView[] {
  return proposal.rules
    .filter((rule) => rule.state === "rejected")
    .map(({ policy, rule, summary, text, reason, by, decidedAt }, index) => ({
      id: index + 1,
      policy,
      rule,
      summary,
      text,
      reason,
      by: by ?? "operator",
      time: decidedAt ?? proposal.madeAt,
    }));
}

/** What the API does with a word on a rule; null where no such rule was proposed. */
export function reviewed(
  proposal: ProposalView,
  decision: { readonly rule: string; readonly state: ProposedRule["state"]; readonly reason?: string },
): ProposalView | null {
  if (!proposal.rules.some((rule) => rule.id === decision.rule)) return null;
  const open = decision.state === "open";
  const rules = proposal.rules.map((rule) =>
    rule.id === decision.rule
      ? {
          ...rule,
          state: decision.state,
          reason: decision.reason ?? "",
          by: open ? null : "console",
          decidedAt: open ? null : new Date().toISOString(),
        }
      : rule,
  );
  return { ...proposal, rules };
}

function ruleOf(row: Row, now: number): ProposedRule {
  const [policy, rule, summary, port, connections, days, overPermission, confidence] = row;
  return {
    id: `${policy}/${rule}`,
    policy,
    rule,
    kind: "allow",
    summary: `${summary}, ${port}`,
    text: `- name: ${rule}\n  allow:\n    # ${connections} connections on ${days} days\n    ports: [ ${port} ]\n`,
    evidence: {
      edges: days > 1 ? 4 : 1,
      connections,
      days,
      firstSeen: ago(now, days * 86_400),
      lastSeen: ago(now, 40),
    },
    overPermission,
    confidence,
    state: "open",
    reason: "",
    by: null,
    decidedAt: null,
  };
}
