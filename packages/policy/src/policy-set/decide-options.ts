import type { EssentialConfig } from "./essential.ts";

/** What a fleet is like beside its policy and inventory. */
export type DecideOptions = {
  /** Default: `ESSENTIAL_NONE`. */
  readonly essential?: EssentialConfig;
  /** Asked with workload names; `() => true` where the fleet has no proof yet. Default: no path is stripped. */
  readonly pathStripped?: (src: string, dst: string) => boolean;
  /** Milliseconds since 1970: the time of attempts that carry none, for expiry. */
  readonly nowMs?: number;
  readonly quarantined?: ReadonlySet<string>;
  /** Echoed in the verdict; default 1. */
  readonly line?: number;
};
