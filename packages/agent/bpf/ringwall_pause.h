/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Break-glass: what is refused in block is let through and told until a
 * deadline that the programs themselves look at, so that enforcement comes back
 * whether or not an agent is left (docs/agent.md, "Pause").
 */
#ifndef RINGWALL_PAUSE_LAYOUT_H
#define RINGWALL_PAUSE_LAYOUT_H

enum rw_pause_limit {
	RW_PAUSE_SECONDS_MAX = 14400, /* a later deadline counts as none */
};

struct rw_pause {
	__u64 until_ns; /* 0: enforcement is on */
	__u64 since_ns;
	__u64 serial; /* rises with every change, for the audit */
	__u32 uid; /* who said so */
	__u32 remote; /* through the controller, which has it in its audit */
};

RW_SIZE(rw_pause, 32);

#endif
