import { effectiveLabels, type Mode, type Segment, type Workload } from "@ringwall/model";
import { selects } from "./labels.ts";
import type { PolicySet } from "./policy-set.ts";

/** What the segments of one workload make of it together; null = no segment governs that direction. */
export type WorkloadModes = {
  readonly inbound: Mode | null;
  readonly outbound: Mode | null;
  readonly processes: Mode | null;
  readonly fail: "static" | "open";
  readonly loopback: "record" | "enforce";
  readonly established: "keep" | "cut";
  readonly requires: "core" | "lsm";
};

/** In several segments the strictest holds; a workload in none is in `observe`. */
export function modesOf(set: PolicySet, workload: Workload): WorkloadModes {
  const labels = effectiveLabels(workload);
  return combineModes(set.segments.filter((one) => selects(one.spec.workloads, labels)));
}

/** The same, of the segments that a workload is known to be in. */
export function combineModes(segments: readonly Segment[]): WorkloadModes {
  const specs = segments.map((segment) => segment.spec);
  const modeOf = (direction: "inbound" | "outbound" | "processes"): Mode | null => {
    if (specs.length === 0) return "observe";
    const modes = specs.map((spec) => spec.mode ?? spec.modes?.[direction]);
    return STRICTEST_FIRST.find((mode) => modes.includes(mode)) ?? null;
  };
  return {
    inbound: modeOf("inbound"),
    outbound: modeOf("outbound"),
    processes: modeOf("processes"),
    fail: specs.length > 0 && specs.every((spec) => spec.fail === "open") ? "open" : "static",
    loopback: specs.some((spec) => spec.loopback === "enforce") ? "enforce" : "record",
    established: specs.some((spec) => spec.established === "cut") ? "cut" : "keep",
    requires: specs.some((spec) => spec.requires === "lsm") ? "lsm" : "core",
  };
}

const STRICTEST_FIRST = ["block", "alert", "observe"] as const;
