import { z } from "zod";
import { assertion, policy } from "./policy.ts";
import { segment } from "./segment.ts";
import { software } from "./software.ts";
import { workload } from "./workload.ts";

/** Every resource of the policy, told apart by `kind`. */
export const resource = z.discriminatedUnion("kind", [workload, software, segment, policy, assertion]);
export type Resource = z.infer<typeof resource>;
export type ResourceKind = Resource["kind"];
export const resourceKinds = [
  "Workload",
  "Software",
  "Segment",
  "Policy",
  "Assertion",
] as const satisfies readonly ResourceKind[];
