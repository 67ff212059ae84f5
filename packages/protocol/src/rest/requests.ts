import { labels } from "@ringwall/model";
import { z } from "zod";
import { PAUSE_SECONDS_MAX } from "../pause-limit.ts";
import { confirmWithinSeconds, flow, instant, mode, name, outcome, resource, since } from "./common.ts";
import { pendingConfirm, revisionView, softwareView } from "./views.ts";

export const timeQuery = z.object({ since: since.optional() });
export const flowsQuery = z.object({
  since: since.optional(),
  workload: name.optional(),
  verdict: outcome.optional(),
  limit: z.coerce.number().int().min(1).max(100_000).optional(),
});
export const flowsReply = z.object({ flows: z.array(flow) });

/** The draft as text files, so that places in messages are the user's own; or as resources already parsed. */
export const draftBody = z.object({
  files: z.array(z.object({ file: z.string(), text: z.string() })).max(10_000),
});
export const draftReply = z.object({ resources: z.array(resource), text: z.string(), basedOn: z.int() });

export const simulateBody = z.object({ since: since.optional(), revision: z.int().optional() });
const simulatedEdge = z.object({
  source: z.string(),
  sourceSoftware: z.string().nullable(),
  destination: z.string(),
  destinationSoftware: z.string().nullable(),
  proto: z.string(),
  port: z.int().nullable(),
  connections: z.int(),
  lastSeen: instant,
  /** The rule that decided in the draft, `default` for none. */
  rule: z.string(),
  reason: z.string(),
});
export const simulateReply = z.object({
  /** Connections that the draft was asked about, and what it says to them if every segment were in block. */
  connections: z.int(),
  allowed: z.int(),
  denied: z.int(),
  newlyDenied: z.array(simulatedEdge),
  newlyAllowed: z.array(simulatedEdge),
  deniedEdges: z.array(simulatedEdge),
  bySegment: z.array(z.object({ segment: name, connections: z.int(), denied: z.int() })),
  byRule: z.array(z.object({ rule: z.string(), connections: z.int() })),
});

/** `confirmWithinSeconds` absent = the default of 60. Every provision has to be confirmed. */
export const provisionBody = z.object({
  note: z.string().max(1000).optional(),
  confirmWithinSeconds: confirmWithinSeconds.optional(),
});
export const modeBody = z.object({
  segment: name,
  mode,
  /** Absent = all directions the segment governs. */
  directions: z
    .array(z.enum(["inbound", "outbound", "processes"]))
    .min(1)
    .optional(),
  confirmWithinSeconds: confirmWithinSeconds.optional(),
});
export const rollbackBody = z.object({
  revision: z.int().min(0).optional(),
  confirmWithinSeconds: confirmWithinSeconds.optional(),
});
/** `pending` is null where nothing can break by it (mode observe or alert) and no confirmation is awaited. */
export const changeReply = z.object({
  revision: z.int(),
  generation: z.int(),
  pending: pendingConfirm.nullable(),
  hosts: z.object({ told: z.int(), connected: z.int() }),
  warnings: z.array(z.string()),
});
export const confirmReply = z.object({ revision: z.int(), generation: z.int() });
/** `truncated`: there are more programs, or more places where these were seen; those seen last are listed. */
export const softwareReply = z.object({ software: z.array(softwareView), truncated: z.boolean() });
export const revisionsReply = z.object({ revisions: z.array(revisionView) });

export const enrollmentTokenBody = z.object({
  workload: name.optional(),
  labels: labels.optional(),
  ttlSeconds: z
    .int()
    .min(60)
    .max(30 * 86_400)
    .optional(),
  uses: z.int().min(1).max(10_000).optional(),
});
export const enrollmentTokenReply = z.object({ token: z.string(), expires: instant });
export const workloadLabelsBody = z.object({ labels });
/** Break-glass: refuse nothing on a host for so long; 0 = enforce again. */
export const pauseBody = z.object({
  seconds: z.int().min(0).max(PAUSE_SECONDS_MAX),
  reason: z.string().max(1000),
});
/** `until`: null where enforcement is back. */
export const pauseReply = z.object({ workload: name, until: instant.nullable() });
export const workloadRemovedReply = z.object({ removed: name });
export const signInReply = z.object({ url: z.string(), expires: instant });

export type SimulateReply = z.infer<typeof simulateReply>;
export type SoftwareReply = z.infer<typeof softwareReply>;
export type ChangeReply = z.infer<typeof changeReply>;
