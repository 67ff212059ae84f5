/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Containers and pods as workloads of their own (docs/containers.md). */
#ifndef RINGWALL_CARRY_LAYOUT_H
#define RINGWALL_CARRY_LAYOUT_H

enum rw_carried_flag {
	RW_CARRIED_FRESH = 1, /* made a moment ago: nobody has said what it is */
};

/* What a control group below a host's scope belongs to. */
struct rw_carried {
	__u64 since_ns; /* of a fresh one */
	__u32 workload; /* 1..RW_CARRIED_MAX; 0: the host, so far */
	__u32 flags; /* enum rw_carried_flag */
};

/* A control group was made: the agent says whether it is a container. */
struct rw_cgroup_event {
	struct rw_event_header header;
	__u64 cgroup_id;
	char path[512]; /* from the root of the hierarchy */
};

RW_SIZE(rw_carried, 16);
RW_SIZE(rw_cgroup_event, 536);

#endif
