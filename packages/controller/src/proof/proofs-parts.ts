import type { ProcessIdentity, Result } from "@ringwall/model";
import type { ProofState } from "@ringwall/protocol/agent";
import type { NewAlert } from "../jobs/alerts.ts";
import type { CompiledHost } from "../jobs/compile-fleet.ts";
import type { ProofFacts } from "../jobs/simulate.ts";
import type { Fleet } from "../store/state/fleet.ts";
import type { StateDatabase } from "../store/state/open.ts";
import type { StoredKeys } from "../store/state/proof.ts";
import type { KeyOffer, ReportedCounts } from "./decode-proof.ts";
import type { Awaited } from "./heard.ts";
import type { Concerns, Urgency } from "./notifier.ts";
import type { Path } from "./paths.ts";

/** `datagrams`: of proofs in datagrams; else of those of TCP. */
export type KnownPath = Path & { readonly datagrams: boolean };

export type ProofsParts = {
  readonly db: StateDatabase;
  readonly fleet: Fleet;
  readonly alert: (alerts: readonly NewAlert[]) => Promise<void>;
  /** A host began or ceased to prove: its policy is another one. */
  readonly onProving: () => void;
  /** There is something new to fetch. */
  readonly onChange: (urgency: Urgency, concerns: Concerns) => void;
  readonly isConnected: (workload: string) => boolean;
  readonly nowMs: () => number;
};

/** The proof of software, fleet-wide: who has which keys, which numbers mean whom, and where proofs arrive. */
export type Proofs = {
  /** Takes the keys a host offers in place of those it had; no keys: it can't prove any more. */
  offer(workload: string, offer: KeyOffer): Promise<Result<void, string>>;
  number(workload: string, identities: readonly ProcessIdentity[]): Promise<readonly number[]>;
  fetch(workload: string, since: number, numbers: readonly number[]): ProofState;
  report(workload: string, counts: readonly ReportedCounts[]): Promise<void>;
  /** The host goes on by this version, also after a restart. */
  has(workload: string, version: number): void;
  /** The host is set up anew: it has no keys yet, and its paths are to be found out. */
  renewed(workload: string): Promise<void>;
  /** The host is forgotten: what it proves counts for nothing any more. Call it while its addresses are known. */
  revoke(workload: string): Promise<void>;
  /** Tells of hosts whose addresses are others now. */
  addressesChanged(): void;
  /**
   * Before policies are sent: hosts get the keys of the peers that these speak of, and those the hosts'. Resolves when all that
   * are connected have them, or after `KEYS_AHEAD_MS_MAX`.
   */
  keysAhead(policies: readonly Pick<CompiledHost, "workload" | "reach">[]): Promise<void>;
  /** The host enforces what it should, so that what its former policy spoke of counts no more. */
  settled(workload: string): void;
  /** The host reports that it talks with these addresses. */
  talks(workload: string, addresses: Iterable<string>): void;
  version(): number;
  keysOf(workload: string): StoredKeys | null;
  /** Hosts without which others do not use their newest keys. */
  awaited(): ReadonlyMap<string, Awaited>;
  /** Tells hosts that nobody waits for the one that is away any more; time alone does that. */
  lookAgain(): void;
  paths(): readonly KnownPath[];
  /** For questions about what was seen: who can prove now, and where proofs do not arrive. */
  facts(): ProofFacts;
};
