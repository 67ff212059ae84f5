import { type EdgeRow, edgesOf, managedWorkload, softwareOf } from "./edge-list.ts";
import { threeTier } from "./three-tier.ts";
import type { MockState } from "./types.ts";

const HOST = "debian";
const OBSERVE = { inbound: "observe", outbound: "observe", processes: "observe" } as const;

const rows: readonly EdgeRow[] = [
  [`${HOST}:node (agent)`, `${HOST}:node (controller)`, "tcp/7481", "allowed", "essential/controller", 12],
  [`${HOST}:chromium`, `${HOST}:node (controller)`, "tcp/7480", "would-block", "default", 420],
  [`${HOST}:node (controller)`, `${HOST}:postgres`, "tcp/5433", "would-block", "default", 96],
  [`${HOST}:systemd-timesyncd`, "internet", "udp/123", "would-block", "default", 4],
  [`${HOST}:chromium`, "internet", "tcp/443", "would-block", "default", 188],
  [`${HOST}:chromium`, "internet", "udp/443", "would-block", "default", 65],
  [`${HOST}:git-remote-https`, "internet", "tcp/443", "would-block", "default", 6],
  [
    `${HOST}:/home/user/projects/very-long-directory-name/scripts/nightly-synchronisation-job.py`,
    "192.168.1.0/24",
    "tcp/5000",
    "allowed",
    null,
    31,
  ],
  [`${HOST}:systemd-resolved`, "192.168.1.0/24", "udp/53", "allowed", "essential/resolver", 512],
  ["192.168.1.0/24", `${HOST}:sshd`, "tcp/22", "allowed", "essential/management", 2],
];

/** What `make run` shows on a fresh machine: one host in observe, no policy yet. */
export function oneHost(now: number): MockState {
  const workloads = [managedWorkload(HOST, "192.168.1.20", {}, null, OBSERVE, now)];
  const edges = edgesOf(rows, new Set([HOST]), now);
  return {
    ...nothing(now),
    workloads,
    edges,
    software: softwareOf(edges, {}, new Set(), now),
    addresses: ["internet", "192.168.1.0/24"],
  };
}

/** A host that enrolled a moment ago: no flows, no policy. */
export function nothing(now: number): MockState {
  const base = threeTier(now);
  return {
    ...base,
    status: {
      ...base.status,
      revision: 0,
      proposedAt: null,
      generation: 1,
      agents: { connected: 1, enrolled: 1, behind: 0, awaited: 0 },
      flows: { stored: 0, lost: 0 },
    },
    workloads: [],
    software: [],
    segments: [],
    policies: [],
    alerts: [],
    revisions: [],
    proposal: null,
    rejections: [],
    paths: [],
    addresses: [],
    edges: [],
  };
}
