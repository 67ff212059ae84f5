import type { Resource } from "@ringwall/model";

/** An edge as a report shows it: names instead of numbers. */
export type EdgeLabel = {
  readonly src: string;
  readonly srcSoftware: string | null;
  readonly dst: string;
  readonly dstSoftware: string | null;
  /** `tcp/5432`, or a list of the first few where many were set aside together. */
  readonly port: string;
};

/** Why something that was seen became no rule. */
export type SetAsideReason =
  | "essential"
  | "scan"
  | "failed"
  | "denied"
  | "ephemeral"
  | "no-port"
  | "unknown-party"
  | "low-trust-software"
  | "dual-use-software"
  | "changed-content"
  | "tainted-destination"
  | "tainted-program"
  | "no-peer-support"
  | "client-to-client"
  | "one-off"
  | "rejected";

/** One finding: edges of one program that were left out for one reason. */
export type SetAside = {
  readonly edge: EdgeLabel;
  readonly reason: SetAsideReason;
  /** The reason in a sentence. */
  readonly words: string;
  /** Distinct edges it stands for. */
  readonly edges: number;
  readonly connections: number;
  /** True where a person should look at it: it may be an attack. */
  readonly suspicious: boolean;
};

export type RuleEvidence = {
  /** Distinct edges (workload pairs with software and port) behind the rule. */
  readonly edges: number;
  /** ISO 8601 instants. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** Most days (UTC) on which any of its edges was active. */
  readonly days: number;
  readonly connections: number;
};

export type LearnedRule = {
  readonly policy: string;
  readonly rule: string;
  readonly evidence: RuleEvidence;
  /** Permitted (source, destination, port, software) tuples divided by those seen; 1 = nothing beyond what was seen. */
  readonly overPermission: number;
  /** 0–1: how sure the learner is that this belongs there. */
  readonly confidence: number;
};

export type LearnedSegment = {
  readonly name: string;
  readonly members: readonly string[];
  /** Why they belong together. */
  readonly why: string;
};

/** How much of a segment's traffic is still unseen. */
export type Readiness = {
  readonly segment: string;
  /** Chance that the next observation (an edge class on a day) is of a class never seen (Good–Turing). */
  readonly newRate: number;
  /** 80 % interval of it. */
  readonly newRateLow: number;
  readonly newRateHigh: number;
  /** Edge classes that exist and were not seen (Chao2, lower bound). */
  readonly unseenClasses: number;
  readonly newPerWeek: number;
  readonly days: number;
  readonly words: string;
};

/** One point of the trade between few rules and tight rules. */
export type CurvePoint = {
  readonly tightness: number;
  readonly rules: number;
  readonly overPermission: number;
};

export type LearnReport = {
  readonly segments: readonly LearnedSegment[];
  readonly rules: readonly LearnedRule[];
  readonly setAside: readonly SetAside[];
  readonly readiness: readonly Readiness[];
  readonly curve: readonly CurvePoint[];
  readonly overPermission: number;
  /** Segments in the order in which to put them into block: data first, then what faces clients, then the middle. */
  readonly order: readonly string[];
  /** What could not be learned and why; empty when nothing stood in the way. */
  readonly notes: readonly string[];
};

export type LearnResult = { readonly resources: readonly Resource[]; readonly report: LearnReport };
