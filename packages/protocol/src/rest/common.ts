import { flow, mode, name, outcome, resource, verification } from "@ringwall/model";
import { z } from "zod";

/** RFC 9457 problem details; `code` is stable and documented in docs/errors.md, `problems` lists every fault of an input. */
export const problemDetails = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  code: z.string(),
  fix: z.string().optional(),
  problems: z
    .array(
      z.object({
        code: z.string(),
        severity: z.enum(["error", "warning"]),
        message: z.string(),
        fix: z.string().optional(),
        place: z.object({ file: z.string(), line: z.int(), column: z.int() }).optional(),
      }),
    )
    .optional(),
});

/** Seconds a risky change stays in force without `confirm`. */
export const CONFIRM_WITHIN_SECONDS_DEFAULT = 60;
export const CONFIRM_WITHIN_SECONDS_MAX = 3600;
export const confirmWithinSeconds = z.int().min(5).max(CONFIRM_WITHIN_SECONDS_MAX);

/** ISO 8601 instant, UTC. */
export const instant = z.iso.datetime();

/** How far back a question about flows looks: `15m`, `24h`, `7d`. */
export const since = z.string().regex(/^\d{1,4}[smhd]$/, "a duration such as `15m`, `24h`, `7d`");

export { flow, mode, name, outcome, resource, verification };
export type ProblemDetails = z.infer<typeof problemDetails>;
