import type { z } from "zod";
import type { unattributable } from "../resources/common.ts";
import type { Evidence } from "./flow.ts";

/**
 * Who a process is, as the agent found out: what `Software` entries are matched against. Null means "not known" for
 * digests and "none" for the rest.
 */
export type ProcessIdentity = {
  readonly exe: string;
  readonly exeSha256: string | null;
  readonly script: string | null;
  readonly scriptSha256: string | null;
  readonly unattributable: z.infer<typeof unattributable> | null;
  readonly user: string | null;
  readonly unit: string | null;
  readonly container: string | null;
  readonly image: string | null;
  readonly package: string | null;
  readonly evidence: Evidence | null;
  /**
   * Digests that the same package had at this path before, where a signature vouches for the one now: what an upgrade
   * keeps its Software by (`upgrades: signed`). Known on the host only, in no record.
   */
  readonly supersedes?: readonly string[];
  /** The same for the script. */
  readonly scriptSupersedes?: readonly string[];
  /** Code-injecting variables as `NAME=value`, sorted. */
  readonly environment: readonly string[];
};
