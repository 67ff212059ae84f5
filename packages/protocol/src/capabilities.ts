import { z } from "zod";

/**
 * What a host's kernel gives and what is missing, in words for people; `StatusReport.capabilities` as JSON. Further keys
 * are the loader's own report. Levels rise: a host with `lsm` has all of `core`.
 */
export const CAPABILITY_LEVELS = ["core", "lsm"] as const;

export const hostCapability = z.object({
  /** Such as `refuse-exec`; the names are a contract, docs/agent.md lists them. */
  name: z.string(),
  available: z.boolean(),
  /** Why it is not available, as the kernel said it; empty where it is. */
  why: z.string(),
  /** What that means for whoever writes policies, in a sentence. */
  means: z.string(),
});

export const hostCapabilities = z.looseObject({
  level: z.enum(CAPABILITY_LEVELS),
  /** `uname -r`. */
  kernel: z.string(),
  features: z.array(hostCapability),
});

export type CapabilityLevel = (typeof CAPABILITY_LEVELS)[number];
export type HostCapability = z.infer<typeof hostCapability>;
export type HostCapabilities = z.infer<typeof hostCapabilities>;
