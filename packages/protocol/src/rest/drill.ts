import { z } from "zod";
import { DRILL_EVERY_SECONDS_MAX, DRILL_EVERY_SECONDS_MIN } from "../drill/every-limit.ts";
import { instant, name } from "./common.ts";

/** From one host to another; `every`: again and again, until the schedule is removed. */
export const drillBody = z.object({
  source: name,
  destination: name,
  every: z.int().min(DRILL_EVERY_SECONDS_MIN).max(DRILL_EVERY_SECONDS_MAX).optional(),
});
export const drillPair = z.object({ source: name, destination: name });
export const drillRun = z.object({ run: z.coerce.number().int().min(1) });

/**
 * `refused`: the attempt did not arrive. `got-through`: it did, and the threat model does not name it. `not-refusable`: it
 * did, and `why` says why this host can't refuse it and what an attacker needs. `not-made`: `why` says what it lacked here.
 * `control`: has to arrive, and did; `control-failed`: it did not, so that no refusal says anything.
 */
export const drillResult = z.enum([
  "refused",
  "got-through",
  "not-refusable",
  "not-made",
  "control",
  "control-failed",
]);
export const drillRow = z.object({
  canary: z.string(),
  tries: z.string(),
  /** Whose kernel is to refuse it. */
  end: z.enum(["sender", "receiver"]),
  result: drillResult,
  /** What the attempt was told: the system call, and its error number (0: none). */
  step: z.string(),
  errno: z.int(),
  why: z.string(),
  /** What somebody must hold to do it; empty where it is refused to everybody. */
  needs: z.string(),
});
export const drillView = z.object({
  run: z.int(),
  source: name,
  destination: name,
  state: z.enum(["running", "ended", "failed"]),
  /** Why it failed, or is not complete. */
  problem: z.string(),
  started: instant,
  startedBy: z.string(),
  ended: instant.nullable(),
  rows: z.array(drillRow),
});
export const drillSchedule = z.object({
  source: name,
  destination: name,
  every: z.int(),
  next: instant,
  createdBy: z.string(),
});
export const drillsReply = z.object({ drills: z.array(drillView), schedules: z.array(drillSchedule) });

export type DrillView = z.infer<typeof drillView>;
export type DrillRow = z.infer<typeof drillRow>;
export type DrillSchedule = z.infer<typeof drillSchedule>;
export type DrillsReply = z.infer<typeof drillsReply>;
