/** Limits of the resource shapes. Every one has a reason; an input beyond it is refused by name. */

/** Names appear in URLs, file names and kernel-side tables; 253 is the DNS limit that Kubernetes uses for names. */
export const NAME_LENGTH_MAX = 253;
/** Kubernetes' own limit for a label value. */
export const LABEL_VALUE_LENGTH_MAX = 63;
/** Prefix (253) + slash + name (63), as in Kubernetes. */
export const LABEL_KEY_LENGTH_MAX = 317;
/** Linux PATH_MAX. */
export const PATH_LENGTH_MAX = 4096;
/** A rule people read; longer text belongs into a description. */
export const RULE_NAME_LENGTH_MAX = 500;
/** One workload's addresses; a host with more is a network, and is written as one. */
export const ADDRESSES_PER_WORKLOAD_MAX = 4096;
