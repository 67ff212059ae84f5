export * from "./capabilities.ts";
export * from "./drill/canaries.ts";
export * from "./drill/canary.ts";
export * from "./drill/every-limit.ts";
export * from "./generated/ringwall/agent/v1/agent_pb.js";
export * from "./pause-limit.ts";
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
/** Seconds that a drill may take; both ends end by themselves then. */
export const DRILL_SECONDS_MAX = 300;
/** Rows and tokens of one DrillReport. */
export const DRILL_ROWS_MAX = 512;
/** What the signature of a DrillOrder is over, before the terms. */
export const DRILL_CONTEXT = "ringwall drill v1\0";
/** How the folders begin in which drills keep their programs: what runs from there is not learned from. */
export const DRILL_FOLDER_PREFIX = "/run/ringwall-drill-";
