/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Processes: fork inherits, exec replaces, exit removes. */
#ifndef RINGWALL_EXEC_H
#define RINGWALL_EXEC_H

/* Before 6.1 a cgroup carries its ancestors' ids, since then pointers. */
struct cgroup___ids {
	__u64 ancestor_ids[0];
} __attribute__((preserve_access_index));

struct cgroup___pointers {
	struct cgroup *ancestors[0];
} __attribute__((preserve_access_index));

/* The change time of an inode: until 6.6, until 6.11, and since. */
struct inode___until_6_6 {
	struct timespec64 i_ctime;
} __attribute__((preserve_access_index));

struct inode___until_6_11 {
	struct timespec64 __i_ctime;
} __attribute__((preserve_access_index));

struct inode___since_6_11 {
	__s64 i_ctime_sec;
	__u32 i_ctime_nsec;
} __attribute__((preserve_access_index));

#define CTIME_NSEC_MASK 0x7fffffffU /* bit 31 marks a queried time */
#define NSEC_PER_SEC 1000000000ULL

static __always_inline __u64 ancestor_id(struct cgroup *cgroup, __u32 level)
{
	struct cgroup *ancestor = NULL;
	__u64 id = 0;
	void *at = cgroup;

	if (bpf_core_field_exists(struct cgroup___ids, ancestor_ids)) {
		at += bpf_core_field_offset(struct cgroup___ids, ancestor_ids);
		bpf_probe_read_kernel(&id, sizeof(id), at + level * sizeof(id));
		return id;
	}
	at += bpf_core_field_offset(struct cgroup___pointers, ancestors);
	bpf_probe_read_kernel(&ancestor, sizeof(ancestor),
			      at + level * sizeof(ancestor));
	return ancestor ? BPF_CORE_READ(ancestor, kn, id) : 0;
}

static __always_inline bool in_scope(struct task_struct *task)
{
	struct cgroup *cgroup;

	if (!scope_id)
		return true;
	cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	if (!cgroup || BPF_CORE_READ(cgroup, level) < (int)scope_level)
		return false;
	return ancestor_id(cgroup, scope_level) == scope_id;
}

static __always_inline __u64 task_cgroup_id(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

static __always_inline __u64 change_time(struct inode *inode)
{
	if (bpf_core_field_exists(struct inode___since_6_11, i_ctime_sec)) {
		struct inode___since_6_11 *now = (void *)inode;

		return BPF_CORE_READ(now, i_ctime_sec) * NSEC_PER_SEC +
		       (BPF_CORE_READ(now, i_ctime_nsec) & CTIME_NSEC_MASK);
	}
	if (bpf_core_field_exists(struct inode___until_6_11, __i_ctime)) {
		struct inode___until_6_11 *then = (void *)inode;

		return BPF_CORE_READ(then, __i_ctime.tv_sec) * NSEC_PER_SEC +
		       BPF_CORE_READ(then, __i_ctime.tv_nsec);
	}
	struct inode___until_6_6 *old = (void *)inode;

	return BPF_CORE_READ(old, i_ctime.tv_sec) * NSEC_PER_SEC +
	       BPF_CORE_READ(old, i_ctime.tv_nsec);
}

static __always_inline void fill_file_key(struct rw_file_key *key,
					  struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	key->inode = BPF_CORE_READ(inode, i_ino);
	key->device = BPF_CORE_READ(inode, i_sb, s_dev);
	key->generation = BPF_CORE_READ(inode, i_generation);
	key->ctime_ns = change_time(inode);
}

/*
 * LD_PRELOAD and kin, GLIBC_TUNABLES, GCONV_PATH, OPENSSL_CONF and kin. As many
 * letters as tell them from what is common, such as OPENBLAS_NUM_THREADS.
 */
static __always_inline bool is_injecting(const char *name)
{
	return (name[0] == 'L' && name[1] == 'D' && name[2] == '_') ||
	       (name[0] == 'G' && name[1] == 'L' && name[2] == 'I' &&
		name[3] == 'B' && name[4] == 'C' && name[5] == '_') ||
	       (name[0] == 'G' && name[1] == 'C' && name[2] == 'O' &&
		name[3] == 'N' && name[4] == 'V' && name[5] == '_') ||
	       (name[0] == 'O' && name[1] == 'P' && name[2] == 'E' &&
		name[3] == 'N' && name[4] == 'S' && name[5] == 'S');
}

/*
 * Does the environment hold a variable that may bring foreign code into any
 * program? Then the agent has to look, though the executable is known. A
 * value longer than the buffer is read in pieces: the end of one may look
 * like a name, which costs a question and lets nothing through.
 */
static __always_inline bool is_injected(struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u64 at = BPF_CORE_READ(mm, env_start);
	__u64 end = BPF_CORE_READ(mm, env_end);
	struct rw_exec_event *scratch;
	__u32 zero = 0;
	long bytes;

	scratch = bpf_map_lookup_elem(&exec_scratch, &zero);
	if (!scratch)
		return true;
	for (int i = 0; i < RW_VARIABLES_MAX; i++) {
		if (at >= end)
			return false;
		bytes = bpf_probe_read_user_str(scratch->data,
						RW_VARIABLE_BYTES, (void *)at);
		if (bytes <= 0 || is_injecting(scratch->data))
			return true;
		at += bytes;
	}
	return true;
}

static __always_inline void fill_task(struct rw_task *task,
				      struct task_struct *from,
				      const struct rw_file_key *file)
{
	struct rw_executable *known = bpf_map_lookup_elem(&executables, file);

	task->exec_ns = bpf_ktime_get_boot_ns();
	task->cgroup_id = task_cgroup_id(from);
	task->exec_tgid = BPF_CORE_READ(from, tgid);
	task->ppid = BPF_CORE_READ(from, real_parent, tgid);
	task->script_id = 0;
	task->pad = 0;
	task->exe_id = known ? known->exe_id : 0;
	task->flags = 0;
	if (!known || (known->flags & RW_EXECUTABLE_INTERPRETER))
		task->flags = RW_TASK_PENDING;
	if (is_injected(from) || foreign_hands(from))
		task->flags |= RW_TASK_PENDING | RW_TASK_INJECTED;
}

/*
 * Copies arguments and environment from the new address space, before the
 * program has run an instruction, so they are what was passed. Returns how
 * many bytes of `data` are used.
 */
static __always_inline __u32 copy_strings(struct rw_exec_event *event,
					  struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u64 start = BPF_CORE_READ(mm, arg_start);
	__u64 bytes = BPF_CORE_READ(mm, arg_end) - start;
	__u32 arguments, environment;

	if (bytes > RW_ARGUMENTS_BYTES_MAX) {
		bytes = RW_ARGUMENTS_BYTES_MAX;
		event->flags |= RW_EXEC_ARGUMENTS_TRUNCATED;
	}
	arguments = bytes;
	if (bpf_probe_read_user(event->data, arguments, (void *)start)) {
		event->flags |= RW_EXEC_ARGUMENTS_UNREADABLE;
		count(RW_COUNT_ARGUMENTS_UNREADABLE);
		return 0;
	}
	event->arguments_bytes = arguments;

	start = BPF_CORE_READ(mm, env_start);
	bytes = BPF_CORE_READ(mm, env_end) - start;
	if (bytes > RW_ENVIRONMENT_BYTES_MAX) {
		bytes = RW_ENVIRONMENT_BYTES_MAX;
		event->flags |= RW_EXEC_ENVIRONMENT_TRUNCATED;
	}
	environment = bytes;
	if (bpf_probe_read_user(event->data + arguments, environment,
				(void *)start)) {
		event->flags |= RW_EXEC_ENVIRONMENT_TRUNCATED;
		return arguments;
	}
	event->environment_bytes = environment;
	return arguments + environment;
}

static __always_inline void send_exec(struct task_struct *task,
				      struct linux_binprm *bprm,
				      const struct rw_file_key *file,
				      const struct rw_task *state)
{
	struct rw_exec_event *event;
	__u32 zero = 0, bytes;

	event = bpf_map_lookup_elem(&exec_scratch, &zero);
	if (!event)
		return;
	event->header.time_ns = state->exec_ns;
	event->header.tgid = state->exec_tgid;
	event->header.type = RW_EVENT_EXEC;
	event->file = *file;
	event->task = *state;
	event->uid = (__u32)bpf_get_current_uid_gid();
	event->flags = foreign_hands(task);
	event->arguments_bytes = 0;
	event->environment_bytes = 0;
	event->cwd_inode = BPF_CORE_READ(task, fs, pwd.dentry, d_inode, i_ino);
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	event->filename[0] = 0;
	bpf_probe_read_kernel_str(event->filename, sizeof(event->filename),
				  BPF_CORE_READ(bprm, filename));
	bytes = copy_strings(event, task);
	bytes += offsetof(struct rw_exec_event, data);
	if (bytes > sizeof(*event))
		return;
	if (bpf_ringbuf_output(&events, event, bytes, 0))
		count(RW_COUNT_RING_FULL);
}

/* A `#!` line led here: the kernel has replaced the name to be interpreted. */
static __always_inline bool is_interpreting(struct linux_binprm *bprm)
{
	return BPF_CORE_READ(bprm, interp) != BPF_CORE_READ(bprm, filename);
}

/*
 * Does the agent know all of this execution? What is pending never is: an
 * interpreter, whose arguments say what it runs, or what a `#!` line led to.
 */
static __always_inline bool is_routine(const struct rw_file_key *file,
				       const struct rw_task *state)
{
	struct rw_routine_key key = {};
	__u32 *exe_id;

	if (state->flags)
		return false;
	key.file = *file;
	key.cgroup_id = state->cgroup_id;
	key.uid = (__u32)bpf_get_current_uid_gid();
	exe_id = bpf_map_lookup_elem(&routine, &key);
	return exe_id && *exe_id == state->exe_id;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid,
	     struct linux_binprm *bprm)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct rw_file_key file = {};
	struct rw_task state = {};

	if (!in_scope(task)) {
		bpf_map_delete_elem(&tasks, &tgid);
		return 0;
	}
	fill_file_key(&file, BPF_CORE_READ(bprm, file));
	fill_task(&state, task, &file);
	/* Of a program that was met without a script, nobody knew that it runs some. */
	if (is_interpreting(bprm))
		state.flags |= RW_TASK_PENDING;
	if (bpf_map_update_elem(&tasks, &tgid, &state, BPF_ANY)) {
		/* INVARIANT: what ran before must not vouch for what runs now. */
		bpf_map_delete_elem(&tasks, &tgid);
		count(RW_COUNT_TASKS_FULL);
	}
	if (is_routine(&file, &state))
		count(RW_COUNT_ROUTINE_EXECS);
	else
		send_exec(task, bprm, &file, &state);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = BPF_CORE_READ(parent, tgid);
	__u32 child_tgid = BPF_CORE_READ(child, tgid);
	struct rw_task *task, copy;

	if (parent_tgid == child_tgid)
		return 0;
	task = bpf_map_lookup_elem(&tasks, &parent_tgid);
	if (!task)
		return 0;
	copy = *task;
	copy.ppid = parent_tgid;
	copy.flags &= ~RW_TASK_AGENT;
	if (bpf_map_update_elem(&tasks, &child_tgid, &copy, BPF_ANY))
		count(RW_COUNT_TASKS_FULL);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);

	/* The last thread ends the process, whichever it is. */
	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	bpf_map_delete_elem(&tasks, &tgid);
	return 0;
}

#endif
