import { z } from "zod";
import { mode } from "../resources/common.ts";
import { outcome, verification } from "./flow.ts";

/** What one end made of an attempt. `decision` is what the rules say, `outcome` what the mode makes of it. */
export const endVerdict = z.strictObject({
  decision: z.enum(["allow", "deny"]),
  outcome,
  /** `POLICY/RULE NAME`, or `default`, or `essential/WHICH`. */
  rule: z.string(),
  mode: mode.nullable(),
  verification,
  /** Factors the rule names that could not be known at this end, such as `source software`. */
  unproved: z.array(z.string()).optional(),
  /** For a default deny: the rule that came nearest and the first factor that differed, in words. */
  nearest: z.strictObject({ rule: z.string(), differs: z.string() }).optional(),
});

/** One per attempt, in order. `null` = that end is not managed; `outcome` is the worse of the two. */
export const verdict = z.strictObject({
  line: z.int().min(1),
  outcome,
  outbound: endVerdict.nullable(),
  inbound: endVerdict.nullable(),
});

export type EndVerdict = z.infer<typeof endVerdict>;
export type Verdict = z.infer<typeof verdict>;
