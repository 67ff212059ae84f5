export * from "./capabilities.ts";
export * from "./generated/ringwall/agent/v1/agent_pb.js";
export * from "./shadow-limit.ts";

/** Rows of one FlowBatch; a larger one is refused, so that one agent can't hold the controller's memory. */
export const FLOW_BATCH_ROWS_MAX = 16_384;
/** Entries of one ExecBatch. */
export const EXEC_BATCH_MAX = 4_096;
/** Bytes of one message in either direction. */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
/** Seconds between heartbeats of an open Subscribe stream; two missed ones mean the controller is gone. */
export const HEARTBEAT_SECONDS = 15;
/** Identities of one NumberIdentitiesRequest, and numbers of one FetchProofRequest. */
export const PROOF_ITEMS_MAX = 1_024;
/** Identity numbers use 28 bits of the option's 32-bit word; 0 stands for "no number yet". */
export const PROOF_NUMBER_MAX = 2 ** 28 - 1;
/** Rows of one ShadowReport: differences of one host; what is more is counted as `uncounted`. */
export const SHADOW_ROWS_MAX = 16_384;
