import type { NewAlert } from "../jobs/alerts.ts";
import type { Fleet } from "../store/state/fleet.ts";
import type { StateDatabase } from "../store/state/open.ts";
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
