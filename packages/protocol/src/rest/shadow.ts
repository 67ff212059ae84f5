import { z } from "zod";
import { SHADOW_SECONDS_MAX } from "../shadow-limit.ts";
import { instant, name, outcome } from "./common.ts";

/** Seconds that a draft is a shadow unless the request says otherwise: a day. */
export const SHADOW_SECONDS_DEFAULT = 86_400;

export const shadowBody = z.object({ seconds: z.int().min(10).max(SHADOW_SECONDS_MAX).optional() });

/**
 * `newly-blocked`: passes today, the draft would refuse it. `newly-allowed`: refused today, the draft would let it pass.
 * `newly-denied`: allowed today, the draft's modes would let it pass and record it. `no-longer-denied`: the reverse.
 */
export const shadowChange = z.enum(["newly-blocked", "newly-allowed", "newly-denied", "no-longer-denied"]);
const judged = z.object({
  outcome,
  /** `default` where no rule matched. */
  rule: z.string(),
});
export const shadowEdge = z.object({
  change: shadowChange,
  /** The host that judged. */
  workload: name,
  segments: z.array(name),
  direction: z.enum(["outbound", "inbound"]),
  source: z.string(),
  sourceSoftware: z.string().nullable(),
  destination: z.string(),
  destinationSoftware: z.string().nullable(),
  proto: z.string(),
  port: z.int().nullable(),
  live: judged,
  draft: judged,
  count: z.int(),
  firstSeen: instant,
  lastSeen: instant,
});
const changeCounts = z.record(shadowChange, z.int());
export const shadowView = z.object({
  run: z.int(),
  state: z.enum(["running", "ended", "stopped"]),
  started: instant,
  startedBy: z.string(),
  ends: instant,
  stopped: instant.nullable(),
  hosts: z.object({
    asked: z.int(),
    /** Have told something of this run. */
    reporting: z.int(),
    running: z.int(),
    problems: z.array(z.object({ workload: name, problem: z.string() })),
  }),
  /** Attempts that met the draft; those of `edges` met another verdict than today's. */
  met: z.int(),
  /** Differences that hosts had no room to count by edge. */
  uncounted: z.int(),
  edges: z.array(shadowEdge),
  bySegment: z.array(z.object({ segment: name, changes: changeCounts })),
  byRule: z.array(z.object({ rule: z.string(), changes: changeCounts })),
});

export type ShadowView = z.infer<typeof shadowView>;
export type ShadowEdge = z.infer<typeof shadowEdge>;
export type ShadowChange = z.infer<typeof shadowChange>;
