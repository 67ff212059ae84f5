import type { Outcome, Problem } from "@ringwall/model";

/** Distinct edges that are listed; further ones are counted in `dropped`. */
export const EDGES_MAX = 10_000;
/** Problems that are listed; further ones are counted in `unlistedProblems`. */
export const RECORD_PROBLEMS_MAX = 100;

export type Totals = {
  readonly records: number;
  /** Sum of the records' counts. */
  readonly connections: number;
  readonly allowed: number;
  readonly wouldBlock: number;
  readonly blocked: number;
};
/** One edge whose outcome changes, with how often it was seen. */
export type EdgeChange = {
  readonly src: string;
  readonly srcSoftware: string;
  readonly dst: string;
  readonly dstSoftware: string;
  readonly proto: string;
  readonly port: number | null;
  /** `outbound POLICY/RULE` or `inbound …`: what decides now. */
  readonly rule: string;
  readonly outcome: Outcome;
  readonly connections: number;
};
/** What recorded flows would meet under a policy, and what that changes. */
export type Simulation = {
  readonly totals: Totals;
  readonly newlyBlocked: readonly EdgeChange[];
  readonly newlyAllowed: readonly EdgeChange[];
  /** Records of changed edges that are not listed. */
  readonly dropped: number;
  readonly bySegment: Readonly<Record<string, Totals>>;
  /** Connections by deciding rule. */
  readonly byRule: Readonly<Record<string, number>>;
  readonly problems: readonly Problem[];
  readonly unlistedProblems: number;
};
