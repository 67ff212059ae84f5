import type { ProcessIdentity, Protocol, Workload } from "@ringwall/model";
import type { Exec } from "./exec.ts";
import type { Rejection } from "./review/rejection.ts";

/** One end of an edge: the workload where one owns the address, else the address alone. */
export type EdgeEnd = {
  readonly workload: string | null;
  readonly ip: string | null;
  readonly fqdn: string | null;
  /** Null where the process at this end is not known. */
  readonly process: ProcessIdentity | null;
  /** A Software resource that the record names instead of a process. */
  readonly software?: string | null;
};

/**
 * A distinct (source, source software, destination, destination software, protocol, port), with what was seen of it.
 * This is all the learner reads; the controller's store aggregates flows to edges in SQL, `edgesOfFlows` does on files.
 */
export type Edge = {
  readonly src: EdgeEnd;
  readonly dst: EdgeEnd;
  readonly proto: Protocol;
  /** Destination port, or ICMP type; null where the record had none. */
  readonly port: number | null;
  /** Milliseconds since 1970, first and last time seen. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Days of the calendar (UTC) on which it was seen. */
  readonly days: number;
  readonly established: number;
  readonly refused: number;
  readonly timeout: number;
  readonly denied: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
};

export type LearnInput = {
  readonly edges: readonly Edge[];
  readonly inventory: readonly Workload[];
  /** Programs that were started; without them nothing is said of what may run. */
  readonly execs?: readonly Exec[];
  /** 0 = fewest rules, 1 = tightest; the default passes the project's benchmarks. */
  readonly tightness: number;
  /** Part of the interface; no step draws at random, so that every seed gives the same result. */
  readonly seed: number;
  /** Names already taken, which new documents must not reuse. */
  readonly taken: readonly string[];
  /** Ringwall's own controllers (and whatever else is essential): edges to them are nobody's rule. */
  readonly essential?: readonly { readonly ip: string; readonly port: number }[];
  /** Rules that people turned down: what they would allow is set aside with their reason. */
  readonly rejected?: readonly Rejection[];
  /** Told as each step begins, so that long work can show where it is; has no part in the result. */
  readonly onStage?: (stage: LearnStage) => void;
};

export type LearnStage = "naming software" | "cleaning" | "finding segments" | "writing rules" | "judging";
