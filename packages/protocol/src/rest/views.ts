import { evidence, labels } from "@ringwall/model";
import { z } from "zod";
import { hostCapability } from "../capabilities.ts";
import { instant, mode, name, outcome, verification } from "./common.ts";

const modesByDirection = z.object({
  inbound: mode.nullable(),
  outbound: mode.nullable(),
  processes: mode.nullable(),
});

export const workloadView = z.object({
  name,
  labels,
  addresses: z.array(z.string()),
  management: z.enum(["agent", "embedded", "none"]),
  /** Null for a workload without an agent. */
  agent: z
    .object({
      connected: z.boolean(),
      lastSeen: instant.nullable(),
      version: z.string(),
      /** Generation in force on the host, and the one it should have. */
      generation: z.int(),
      generationWanted: z.int(),
      problem: z.string(),
      /** Until when nothing is refused there, by hand (`ringwall pause`); null: enforcement is on. */
      pausedUntil: instant.nullable(),
      /** `core`, `lsm`, or `none` where no program could be loaded. */
      capability: z.string(),
      /** `uname -r`; null where the agent did not say. */
      kernel: z.string().nullable(),
      /** What this kernel gives or lacks, and what that means for whoever writes policies. */
      features: z.array(hostCapability),
      /** Its public keys for the proof of software, the newest last; null where it can't prove. */
      proof: z.object({ generations: z.array(z.int()), offered: instant }).nullable(),
      flowsLost: z.int(),
    })
    .nullable(),
  segments: z.array(name),
  modes: modesByDirection,
});

export const softwareView = z.object({
  /** A Software resource's name, or what the controller calls a program that no resource names yet. */
  name: z.string(),
  /** Whether a Software resource names it. */
  named: z.boolean(),
  exe: z.string(),
  exeSha256: z.string().nullable(),
  script: z.string().nullable(),
  scriptSha256: z.string().nullable(),
  unattributable: z.string().nullable(),
  package: z.string().nullable(),
  provenance: z.enum(["signed", "hash-only", "unknown"]),
  users: z.array(z.string()),
  workloads: z.array(name),
  firstSeen: instant,
  lastSeen: instant,
});

const upgradePeer = z.object({
  direction: z.enum(["outbound", "inbound"]),
  /** A workload, or an address of none. */
  peer: z.string(),
  proto: z.enum(["tcp", "udp", "icmp", "sctp"]),
  port: z.int(),
  count: z.int(),
});
const content = z.object({ exeSha256: z.string().nullable(), scriptSha256: z.string().nullable() });

/** A program whose content changed on one workload, and how its behaviour differs since. */
export const upgradeView = z.object({
  workload: name,
  name: z.string(),
  exe: z.string(),
  script: z.string().nullable(),
  package: z.string().nullable(),
  evidence: evidence.nullable(),
  from: content,
  to: content,
  since: instant,
  probationUntil: instant,
  newPeers: z.array(upgradePeer),
  missingPeers: z.array(upgradePeer),
});

export const segmentView = z.object({
  name,
  workloads: z.array(name),
  modes: modesByDirection,
  /** Connections in the last 24 h that the mode let pass but `block` would not. */
  wouldBlock: z.int(),
  blocked: z.int(),
});

export const policyView = z.object({
  name,
  owner: z.string().nullable(),
  expires: z.string().nullable(),
  rules: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(["allow", "deny", "run"]),
      summary: z.string(),
      hits: z.int(),
    }),
  ),
});

export const alertView = z.object({
  id: z.string(),
  time: instant,
  lastTime: instant,
  count: z.int(),
  kind: z.enum([
    "blocked",
    "would-block",
    "agent-lost",
    "reverted",
    "new-software",
    "shared-address",
    "path-stripped",
    "tampered",
    "paused",
  ]),
  workload: name.nullable(),
  /** One sentence a person can act on. */
  message: z.string(),
  rule: z.string().nullable(),
});

/** An edge of the map: software on a workload or address to software on another. */
export const mapEdge = z.object({
  source: z.string(),
  sourceSoftware: z.string().nullable(),
  destination: z.string(),
  destinationSoftware: z.string().nullable(),
  proto: z.string(),
  port: z.int().nullable(),
  count: z.int(),
  bytesOut: z.int(),
  bytesIn: z.int(),
  outcome,
  verification,
  rule: z.string().nullable(),
  lastSeen: instant,
});

export const mapNode = z.object({
  /** A workload's name, or an address class such as `internet`, `10.0.0.0/24`. */
  id: z.string(),
  kind: z.enum(["workload", "address"]),
  segments: z.array(name),
  software: z.array(z.string()),
});

export const mapView = z.object({ nodes: z.array(mapNode), edges: z.array(mapEdge) });

/** A change in force that reverts by itself at `deadline` unless confirmed. */
export const pendingConfirm = z.object({
  revision: z.int(),
  generation: z.int(),
  deadline: instant,
  what: z.string(),
});

export const statusView = z.object({
  version: z.string(),
  /** The provisioned revision; 0 before the first. */
  revision: z.int(),
  generation: z.int(),
  draftChanged: z.boolean(),
  pending: pendingConfirm.nullable(),
  agents: z.object({
    connected: z.int(),
    enrolled: z.int(),
    behind: z.int(),
    /** Hosts without which others do not use their newest proof keys; their problems say more. */
    awaited: z.int(),
  }),
  flows: z.object({ stored: z.int(), lost: z.int() }),
  /** When the learner made the proposal that is to be reviewed; null while it made none. */
  proposedAt: instant.nullable(),
  consoleUrl: z.string(),
});

export const revisionView = z.object({
  revision: z.int(),
  time: instant,
  author: z.string(),
  note: z.string(),
  state: z.enum(["unconfirmed", "live", "superseded", "reverted"]),
  segments: z.int(),
  rules: z.int(),
});

/** The way that proofs of software take from one host to another; counts since the controller started. */
export const pathView = z.object({
  source: name,
  destination: name,
  /** Of proofs in datagrams; left out for those of TCP. */
  proto: z.literal("udp").optional(),
  /** `stripped`: by both agents' reports, proofs do not arrive. */
  state: z.enum(["expected", "stripped"]),
  /** Since when; null for a path that was never stripped. */
  since: instant.nullable(),
  lastReport: instant,
  sent: z.int(),
  proved: z.int(),
  missing: z.int(),
  wrong: z.int(),
});
export type PathView = z.infer<typeof pathView>;

/** A change that a person made; `details` never hold a secret. */
export const auditView = z.object({
  time: instant,
  actor: z.string(),
  what: z.string(),
  details: z.record(z.string(), z.unknown()),
});

export type AuditView = z.infer<typeof auditView>;
export type WorkloadView = z.infer<typeof workloadView>;
export type SoftwareView = z.infer<typeof softwareView>;
export type UpgradeView = z.infer<typeof upgradeView>;
export type SegmentView = z.infer<typeof segmentView>;
export type PolicyView = z.infer<typeof policyView>;
export type AlertView = z.infer<typeof alertView>;
export type MapEdge = z.infer<typeof mapEdge>;
export type MapNode = z.infer<typeof mapNode>;
export type MapView = z.infer<typeof mapView>;
export type PendingConfirm = z.infer<typeof pendingConfirm>;
export type StatusView = z.infer<typeof statusView>;
export type RevisionView = z.infer<typeof revisionView>;
