import { z } from "zod";
import { API_VERSION, labelSelector, mode, name } from "./common.ts";

export const modes = z.strictObject({
  inbound: mode.optional(),
  outbound: mode.optional(),
  processes: mode.optional(),
});

/** Workloads that share controls. `modes` or `mode` for all three directions; an absent direction is not governed by this segment. */
export const segment = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Segment"),
  metadata: z.strictObject({ name, owner: z.string().optional(), description: z.string().optional() }),
  spec: z
    .strictObject({
      workloads: labelSelector,
      mode: mode.optional(),
      modes: modes.optional(),
      fail: z.enum(["static", "open"]).optional(),
      loopback: z.enum(["record", "enforce"]).optional(),
      established: z.enum(["keep", "cut"]).optional(),
      requires: z.enum(["core", "lsm"]).optional(),
    })
    .refine(
      (spec) => spec.mode === undefined || spec.modes === undefined,
      "`mode` and `modes` exclude each other",
    ),
});

export type Segment = z.infer<typeof segment>;
