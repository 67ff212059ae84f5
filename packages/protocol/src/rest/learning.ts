import { z } from "zod";
import { instant, name, resource, since } from "./common.ts";

export const learnBody = z.object({
  since: since.optional(),
  tightness: z.number().min(0).max(1).optional(),
  seed: z.int().min(0).optional(),
  /** Replace the draft with the proposal (default), or only show it: then nothing is kept for the review either. */
  keepDraft: z.boolean().optional(),
  /** Only what the draft lacks: its text stays as people wrote it, but for the smallest edits. */
  update: z.boolean().optional(),
  /** Forget what was rejected, and propose it again. */
  askAgain: z.boolean().optional(),
  /** Propose also what may run, from exec records: long lists, of use once segments govern processes. */
  programs: z.boolean().optional(),
});
/** `report` is the learner's (packages/learner), as it stands in report.json. */
export const learnReply = z.object({
  resources: z.array(resource),
  text: z.string(),
  report: z.record(z.string(), z.unknown()),
});

/** What a person said of a proposed rule; `rejected` is out of the draft and not proposed again. */
export const reviewState = z.enum(["open", "accepted", "rejected"]);

export const proposedRule = z.object({
  /** `POLICY/RULE`, unique in the proposal. */
  id: z.string(),
  policy: name,
  rule: z.string(),
  kind: z.enum(["allow", "run"]),
  /** One line: `crm-api, segment crm-app → postgres, segment crm-db, tcp/5432`. */
  summary: z.string(),
  /** The rule as it stands in the policy, YAML. */
  text: z.string(),
  evidence: z.object({
    edges: z.int(),
    connections: z.number(),
    days: z.int(),
    firstSeen: instant,
    lastSeen: instant,
  }),
  /** Permitted (source, destination, port, software) tuples divided by those seen. */
  overPermission: z.number(),
  /** 0–1. */
  confidence: z.number(),
  state: reviewState,
  reason: z.string(),
  by: z.string().nullable(),
  decidedAt: instant.nullable(),
});

export const findingView = z.object({
  source: z.string(),
  sourceSoftware: z.string().nullable(),
  destination: z.string(),
  destinationSoftware: z.string().nullable(),
  /** `tcp/5432`, or the first few of several. */
  port: z.string(),
  /** Stable: `scan`, `failed`, `no-peer-support`, … (docs/learning.md). */
  reason: z.string(),
  /** The reason in a sentence. */
  words: z.string(),
  edges: z.int(),
  connections: z.number(),
  /** A person should look at it first: it may be an attack. */
  suspicious: z.boolean(),
});

export const readinessView = z.object({
  segment: name,
  /** Chance that the next observation is of a kind never seen, with its 80 % interval. */
  newRate: z.number(),
  newRateLow: z.number(),
  newRateHigh: z.number(),
  unseenClasses: z.number(),
  newPerWeek: z.number(),
  days: z.number(),
  words: z.string(),
});

/** The newest proposal of the learner that went into the draft, and what people said of its rules. */
export const proposalView = z.object({
  madeAt: instant,
  madeBy: z.string(),
  since: since.nullable(),
  /** `update`: added to the draft that was there. */
  kind: z.enum(["new", "update"]),
  rules: z.array(proposedRule),
  segments: z.array(z.object({ name, members: z.array(z.string()), why: z.string(), isNew: z.boolean() })),
  /** Edits of documents that were there: a member of a segment, a digest of software. */
  edits: z.array(
    z.object({ kind: z.enum(["add-member", "add-digest"]), target: name, what: z.string(), why: z.string() }),
  ),
  setAside: z.array(findingView),
  readiness: z.array(readinessView),
  curve: z.array(z.object({ tightness: z.number(), rules: z.int(), overPermission: z.number() })),
  overPermission: z.number(),
  /** Segments in the order in which to put them into block. */
  order: z.array(name),
  /** What could not be learned, and why. */
  notes: z.array(z.string()),
});

const ruleId = z.string().min(1).max(1000);
/** `open` takes an earlier word back: an accepted rule stays in the draft, a rejected one returns to it. */
export const reviewBody = z.object({
  decisions: z
    .array(
      z.discriminatedUnion("state", [
        z.object({ rule: ruleId, state: z.literal("accepted") }),
        z.object({ rule: ruleId, state: z.literal("rejected"), reason: z.string().trim().min(1).max(1000) }),
        z.object({ rule: ruleId, state: z.literal("open") }),
      ]),
    )
    .min(1)
    .max(10_000),
});

/** A rule that was rejected, in this proposal or an earlier one. */
export const rejectionView = z.object({
  id: z.int(),
  policy: name,
  rule: z.string(),
  summary: z.string(),
  text: z.string(),
  reason: z.string(),
  by: z.string(),
  time: instant,
});
export const rejectionsReply = z.object({ rejections: z.array(rejectionView) });
export const rejectionForgottenReply = z.object({ forgotten: z.int() });

/** What was seen and the policy in force does not allow, classed. */
export const driftReply = z.object({
  /** Edges that it allows, and those nobody judges. */
  allowed: z.int(),
  edges: z.array(
    z.object({
      source: z.string(),
      sourceSoftware: z.string().nullable(),
      destination: z.string(),
      destinationSoftware: z.string().nullable(),
      port: z.string(),
      class: z.enum(["known-role", "known-upgrade", "new", "suspicious"]),
      words: z.string(),
      connections: z.number(),
    }),
  ),
  /** Workloads that belong to no segment and do what one does. */
  replicas: z.array(z.object({ workload: name, segment: name, words: z.string() })),
});

export type LearnReply = z.infer<typeof learnReply>;
export type ProposedRule = z.infer<typeof proposedRule>;
export type ProposalView = z.infer<typeof proposalView>;
export type ReviewBody = z.infer<typeof reviewBody>;
export type RejectionView = z.infer<typeof rejectionView>;
export type DriftReply = z.infer<typeof driftReply>;
