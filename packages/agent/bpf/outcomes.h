/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What can become of an attempt, why, and what is counted. */
#ifndef RINGWALL_OUTCOMES_H
#define RINGWALL_OUTCOMES_H

/* What became of an attempt. */
enum rw_verdict {
	RW_VERDICT_ALLOWED = 1,
	RW_VERDICT_WOULD_BLOCK = 2,
	RW_VERDICT_WOULD_BLOCK_ALERT = 3,
	RW_VERDICT_BLOCKED = 4,
};

/* Why. */
enum rw_reason {
	RW_REASON_UNGOVERNED = 1, /* no segment governs this direction */
	RW_REASON_RULE_ALLOW = 2,
	RW_REASON_RULE_DENY = 3,
	RW_REASON_DEFAULT_DENY = 4,
	RW_REASON_ESSENTIAL = 5,
	RW_REASON_IMMEDIATE_DENY = 6,
	RW_REASON_LOOPBACK = 7, /* denied, but loopback is only recorded */
	RW_REASON_FAIL_OPEN = 8, /* denied, but the process stayed unknown */
	RW_REASON_HOLD_GIVE_UP = 9, /* unknown process, holds used up */
	RW_REASON_PENDING_DATAGRAM = 10, /* unknown process, no SYN to hold */
	RW_REASON_EXTENSION_HEADER = 11, /* IPv6 headers that hide TCP */
	RW_REASON_NO_STATE = 12, /* a SYN whose connect() was never seen */
	RW_REASON_NO_PROOF = 40, /* its software was not proved in time */
	RW_REASON_WRONG_PROOF = 41,
	RW_REASON_PAUSED = 60, /* denied, but enforcement is paused by hand */
	RW_REASON_KEPT = 13, /* open since before a revision that denies it */
	RW_REASON_CUT = 14, /* open, and cut by a revision that denies it */
	RW_REASON_LISTEN = 15, /* waits for others; no peer yet */
};

enum rw_flow_state {
	RW_STATE_ATTEMPTED = 1, /* given up before an answer */
	RW_STATE_ESTABLISHED = 2,
	RW_STATE_REFUSED = 3, /* answered by a reset */
	RW_STATE_TIMEOUT = 4,
	RW_STATE_DENIED = 5, /* refused here */
};

/* Per-CPU counts of what was lost, held or not understood. */
enum rw_counter {
	RW_COUNT_RING_FULL = 0, /* events dropped */
	RW_COUNT_FLOWS_FULL = 1, /* attempts that found no room */
	RW_COUNT_STORAGE_FAILED = 2, /* bound sockets without their process */
	RW_COUNT_TASKS_FULL = 3, /* processes without an entry */
	RW_COUNT_HOLDS = 4, /* SYNs kept back */
	RW_COUNT_HOLD_GIVE_UPS = 5,
	RW_COUNT_IDENTITY_MISSES = 6,
	RW_COUNT_PENDING_DATAGRAMS = 7, /* process or container not known yet */
	RW_COUNT_EXTENSION_HEADERS = 8,
	RW_COUNT_UNPARSED = 9, /* headers that could not be read */
	RW_COUNT_UNKNOWN_LISTENERS = 10,
	RW_COUNT_EVENTS_SUPPRESSED = 11, /* denials over the rate; still flows */
	RW_COUNT_ARGUMENTS_UNREADABLE = 12,
	RW_COUNT_NO_STATE = 13, /* SYNs without socket state */
	RW_COUNT_DATAGRAMS_EVICTED = 14, /* live flows that gave their place */
	RW_COUNT_DENIED_OUT = 15,
	RW_COUNT_DENIED_IN = 16,
	RW_COUNT_SLOT_INCOMPLETE = 17, /* a slot without its policy map */
	RW_COUNT_CONNECTIONS_FULL = 18, /* connections that are not followed */
	RW_COUNT_PROOF_NO_ROOM = 19, /* headers too full for a proof */
	RW_COUNT_DNS_FULL = 20, /* DNS messages dropped */
	RW_COUNT_RAW_REFUSED = 21, /* sockets that were not made */
	RW_COUNT_ROUTINE_EXECS = 22, /* known executions that nobody was told of */
	RW_COUNT_CARRIED_FULL = 23, /* control groups that stay the host's */
	RW_COUNT_FLOW_BYTES_FULL = 24, /* bytes of counted flows dropped */
	RW_COUNT_MAX = 25,
};

#endif
