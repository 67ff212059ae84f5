/** Distinct processes of one batch; an agent with more sends several batches. */
export const BATCH_PROCESSES_MAX = 4_096;
/** Names of peers in one batch: one for each row at most. */
export const BATCH_NAMES_MAX = 16_384;
/** Distinct rule names of one batch: as many as a host's policy may have. */
export const BATCH_RULES_MAX = 65_536;
/** `POLICY/RULE NAME`, each within its own limit. */
export const BATCH_RULE_LENGTH_MAX = 800;
export const BATCH_ID_LENGTH_MAX = 128;
/** Paths may be PATH_MAX long; the rest of a process's texts are names. */
export const PROCESS_PATH_LENGTH_MAX = 4_096;
export const PROCESS_TEXT_LENGTH_MAX = 1_024;
export const PROCESS_ENVIRONMENT_MAX = 64;
/** A clock ahead of ours by more counts as now, so that no record hides above all later ones. */
export const CLOCK_AHEAD_MS_MAX = 60_000;
/** Causes of loss that an agent may count by name. */
export const LOST_CAUSES_MAX = 64;
