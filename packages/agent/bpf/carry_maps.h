/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose control groups are whose; what is said in maps.h holds here. */
#ifndef RINGWALL_CARRY_MAPS_H
#define RINGWALL_CARRY_MAPS_H

/*
 * control group -> the workload that it belongs to; the agent, and the kernel
 * for groups made below one that is here. Full: counted (CARRIED_FULL), the
 * group is the host's.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct rw_carried);
} carried SEC(".maps");

/* workload -> which of its slots is live: 0 or 1; agent; fixed size */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RW_WORKLOADS);
	__type(key, __u32);
	__type(value, __u32);
} workloads SEC(".maps");

/*
 * own address of a workload that is carried -> its control group, for what
 * meets no socket (ICMP); agent, which gives each its share: nobody can fill it
 * for the others. Past that the host's policy judges.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RW_CARRIED_MAX * RW_CARRIED_ADDRESSES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rw_proof_address);
	__type(value, __u64);
} carried_addresses SEC(".maps");

#endif
