/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Maps of executions; all but `routine` are the LSM programs'. */
#ifndef RINGWALL_EXEC_MAPS_H
#define RINGWALL_EXEC_MAPS_H

/* workload -> mode and fail mode; agent; fixed size */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RW_WORKLOADS);
	__type(key, __u32);
	__type(value, struct rw_exec_header);
} exec_header SEC(".maps");

/*
 * executable number and workload -> what it may; agent. Full: the agent sees E2BIG; the
 * executable counts as not judged.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rw_run_key);
	__type(value, struct rw_exec_verdict);
} exec_verdicts SEC(".maps");

/*
 * trusted file -> its executable number; agent. Full: the agent sees E2BIG;
 * changes of the file are seen at its next execution only.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rw_guard_key);
	__type(value, __u32);
} guarded SEC(".maps");

/*
 * execution that the agent knows, judged and has no more to say about ->
 * executable number; agent, which empties it with each policy. Full: the agent
 * sees E2BIG and empties it; what is not here is told at every execve.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rw_routine_key);
	__type(value, __u32);
} routine SEC(".maps");

#endif
