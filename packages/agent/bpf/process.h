/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who runs. A process is known by its last execve (tasks); what that execve
 * runs is known at once for executables hashed ahead, else by the agent's
 * answer (resolutions). User and cgroup are read when the process acts.
 */
#ifndef RINGWALL_PROCESS_H
#define RINGWALL_PROCESS_H

#define AGENT_SILENCE_NS (5ULL * 1000 * 1000 * 1000)
#define MISS_WINDOW_NS (200ULL * 1000 * 1000)

static __always_inline void adopt_task(struct rw_process *process,
				       const struct rw_task *task)
{
	process->exec_ns = task->exec_ns;
	process->exec_tgid = task->exec_tgid;
	process->exe_id = task->exe_id;
	process->script_id = task->script_id;
	process->flags = task->flags;
}

/* Fills in what the agent has answered meanwhile. Runs in any context. */
static __always_inline void resolve_process(struct rw_process *process,
					    __u64 before_ns)
{
	struct rw_exec_key key = {};
	struct rw_resolution *answer;
	struct rw_task *task;

	if (!(process->flags & RW_TASK_PENDING))
		return;
	if (!process->exec_ns) {
		/* Older than the programs: the agent may have seeded it. */
		task = bpf_map_lookup_elem(&tasks, &process->tgid);
		if (!task || task->exec_ns > before_ns)
			return;
		adopt_task(process, task);
		if (!(process->flags & RW_TASK_PENDING))
			return;
	}
	key.exec_ns = process->exec_ns;
	key.exec_tgid = process->exec_tgid;
	answer = bpf_map_lookup_elem(&resolutions, &key);
	if (!answer)
		return;
	process->exe_id = answer->exe_id;
	process->script_id = answer->script_id;
	process->flags = answer->flags & ~RW_TASK_PENDING;
}

/* What its execution made of it, as far as that is known. */
static __always_inline void look_up_task(struct rw_process *process)
{
	struct rw_task *task;

	task = bpf_map_lookup_elem(&tasks, &process->tgid);
	if (!task) {
		process->flags = RW_TASK_PENDING;
		return;
	}
	adopt_task(process, task);
	resolve_process(process, ~0ULL);
}

static __always_inline void current_process(struct rw_process *process)
{
	__builtin_memset(process, 0, sizeof(*process));
	process->tgid = bpf_get_current_pid_tgid() >> 32;
	process->uid = (__u32)bpf_get_current_uid_gid();
	process->cgroup_id = bpf_get_current_cgroup_id();
	look_up_task(process);
}

/* The same of another process than the one that acts. */
static __always_inline void process_of(struct rw_process *process,
				       struct task_struct *whose)
{
	__builtin_memset(process, 0, sizeof(*process));
	process->tgid = BPF_CORE_READ(whose, tgid);
	process->uid = BPF_CORE_READ(whose, cred, uid.val);
	process->cgroup_id = BPF_CORE_READ(whose, cgroups, dfl_cgrp, kn, id);
	look_up_task(process);
}

/* Is it that process, and has it not become another since? */
static __always_inline bool is_current(const struct rw_process *process)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct rw_task *task = bpf_map_lookup_elem(&tasks, &tgid);

	return process->tgid == tgid &&
	       process->exec_ns == (task ? task->exec_ns : 0) &&
	       process->uid == (__u32)bpf_get_current_uid_gid() &&
	       process->cgroup_id == bpf_get_current_cgroup_id();
}

/* 0 while the process or its identity is not known. */
static __always_inline __u32 identity_of(const struct rw_process *process)
{
	struct rw_identity_key key = {};
	__u32 *identity;

	if (process->flags & RW_TASK_PENDING)
		return 0;
	key.cgroup_id = process->cgroup_id;
	key.exe_id = process->exe_id;
	key.script_id = process->script_id;
	key.uid = process->uid;
	identity = bpf_map_lookup_elem(&identities, &key);
	return identity ? *identity : 0;
}

static __always_inline bool is_known(const struct rw_process *process,
				     __u32 identity)
{
	return identity || (process->flags & RW_TASK_AGENT);
}

static __always_inline void report_miss(const struct rw_process *process)
{
	struct rw_identity_miss_event *event;
	__u64 what = process->exec_ns ^ ((__u64)process->tgid << 32) ^
		     process->uid ^ (process->cgroup_id << 16);

	count(RW_COUNT_IDENTITY_MISSES);
	if (!may_report(what, MISS_WINDOW_NS, 1))
		return;
	event = reserve_event(RW_EVENT_IDENTITY_MISS, process->tgid,
			      sizeof(*event));
	if (!event)
		return;
	event->process = *process;
	bpf_ringbuf_submit(event, 0);
}

/* Is there somebody to answer for a process that is not known yet? */
static __always_inline bool agent_answers(void)
{
	__u32 zero = 0;
	__u64 *beat = bpf_map_lookup_elem(&heartbeat, &zero);

	return beat && bpf_ktime_get_boot_ns() - *beat < AGENT_SILENCE_NS;
}

#endif
