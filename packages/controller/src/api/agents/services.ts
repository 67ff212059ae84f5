import type { Result } from "@ringwall/model";
import type {
  ActionReport,
  DrillReport,
  EnrollCarriedRequest,
  EnrollRequest,
  EnrollResponse,
  ExecBatch,
  FetchProofRequest,
  FlowBatch,
  NumberIdentitiesRequest,
  NumberIdentitiesResponse,
  ProofKeyOffer,
  ProofReport,
  ProofState,
  RenewResponse,
  ShadowReport,
  StatusReport,
} from "@ringwall/protocol/agent";
import type { ShownCertificate } from "../../store/state/credentials.ts";
import type { Subscription } from "./hub.ts";
import type { Standing } from "./peer.ts";

export type AgentRefusal = {
  readonly code: "invalid" | "unauthenticated" | "denied" | "exists" | "precondition" | "unavailable";
  /** One sentence, with the remedy. */
  readonly message: string;
};
type Reply<T> = Promise<Result<T, AgentRefusal>>;

/** What the agents' API needs of the rest; workloads are those of certificates already. */
export type AgentServices = {
  /** Whether the certificate is ours and not replaced. */
  standingOf(certificate: ShownCertificate): Standing;
  /** At each call, before it is judged: an agent whose calls wait here is no silent one. */
  heard(workload: string): void;
  enroll(
    request: EnrollRequest,
  ): Reply<Pick<EnrollResponse, "workload" | "certificateChain" | "caCertificate">>;
  enrollCarried(
    carrier: string,
    request: EnrollCarriedRequest,
  ): Reply<Pick<EnrollResponse, "workload" | "certificateChain" | "caCertificate">>;
  renew(workload: string, csr: Uint8Array): Reply<Pick<RenewResponse, "certificateChain" | "caCertificate">>;
  subscribe(workload: string, generation: bigint, version: string): Reply<Subscription>;
  flows(workload: string, batch: FlowBatch): Reply<void>;
  execs(workload: string, batch: ExecBatch): Reply<void>;
  shadow(workload: string, report: ShadowReport): Reply<void>;
  status(workload: string, report: StatusReport): Reply<void>;
  actions(workload: string, report: ActionReport): Reply<void>;
  offerProofKey(workload: string, offer: ProofKeyOffer): Reply<void>;
  numberIdentities(
    workload: string,
    request: NumberIdentitiesRequest,
  ): Reply<Pick<NumberIdentitiesResponse, "numbers">>;
  fetchProof(workload: string, request: FetchProofRequest): Reply<ProofState>;
  reportProofs(workload: string, report: ProofReport): Reply<void>;
  drill(workload: string, report: DrillReport): Reply<void>;
};
