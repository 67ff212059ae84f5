/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * LSM programs: refuse executions and changes of trusted executables in the
 * kernel itself, also while no agent runs. Optional; they load on Debian's 6.1
 * and 6.12 with `bpf` among the LSMs. Pinned like all others.
 */
#ifndef RINGWALL_LSM_H
#define RINGWALL_LSM_H

#define EPERM 1
#define FMODE_WRITE 2
#define INIT_TGID 1
#define KTHREADD_TGID 2 /* parent of the kernel's own helpers */

static __always_inline struct rw_exec_header *exec_state(void)
{
	__u32 whose = workload_of(bpf_get_current_cgroup_id());
	struct rw_exec_header *own;
	__u32 host = 0;

	own = bpf_map_lookup_elem(&exec_header, &whose);
	if (own && own->mode)
		return own;
	/* What nothing governs is its host's. */
	return bpf_map_lookup_elem(&exec_header, &host);
}

static __always_inline __u8 run_of(__u32 exe_id,
				   const struct rw_exec_header *state)
{
	struct rw_run_key key = { .exe_id = exe_id, .workload = state->workload };
	struct rw_exec_verdict *verdict;

	verdict = bpf_map_lookup_elem(&exec_verdicts, &key);
	return verdict ? verdict->run[state->column & 1] : 0;
}

static __always_inline __u8 run_of_task(__u32 tgid,
					const struct rw_exec_header *state)
{
	struct rw_task *task = bpf_map_lookup_elem(&tasks, &tgid);

	if (!task)
		return 0;
	if (task->flags & RW_TASK_AGENT)
		return RW_RUN_AGENT | RW_RUN_CHANGES;
	return run_of(task->exe_id, state);
}

/* The one that acts: its answer may have come after its execve. */
static __always_inline __u8 run_of_current(struct rw_process *who,
					   const struct rw_exec_header *state)
{
	current_process(who);
	if (who->flags & RW_TASK_AGENT)
		return RW_RUN_AGENT | RW_RUN_CHANGES;
	return run_of(who->exe_id, state);
}

static __always_inline void report_lsm(__u8 act, const struct rw_file_key *file,
				       const struct rw_process *who,
				       __u32 exe_id, const char *name,
				       bool refused)
{
	struct rw_lsm_event *event;

	if (!may_report(file->inode ^ ((__u64)act << 56), MISS_WINDOW_NS, 4))
		return;
	event = reserve_event(RW_EVENT_LSM, bpf_get_current_pid_tgid() >> 32,
			      sizeof(*event));
	if (!event)
		return;
	event->file = *file;
	event->process = *who;
	event->exe_id = exe_id;
	event->act = act;
	event->refused = refused;
	bpf_probe_read_kernel_str(event->filename, sizeof(event->filename),
				  name);
	bpf_ringbuf_submit(event, 0);
}

/* What must run whatever the rules say, or nothing can be repaired. */
static __always_inline bool is_essential(struct task_struct *task,
					 const struct rw_exec_header *state)
{
	__u32 parent = BPF_CORE_READ(task, real_parent, tgid);

	if (BPF_CORE_READ(task, tgid) == INIT_TGID || parent == KTHREADD_TGID)
		return true;
	return run_of_task(parent, state) & RW_RUN_AGENT;
}

/* The interpreter comes by here next, and is what the script runs in. */
static __always_inline bool is_script(struct linux_binprm *bprm)
{
	char magic[2] = {};

	BPF_CORE_READ_INTO(&magic, bprm, buf);
	return magic[0] == '#' && magic[1] == '!';
}

SEC("lsm/bprm_check_security")
int BPF_PROG(exec_check, struct linux_binprm *bprm, int before)
{
	struct rw_exec_header *state = exec_state();
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct rw_file_key file = {};
	struct rw_executable *known;
	struct rw_process who;
	__u8 run;

	if (before || !state || !blocks(state->mode) || !in_scope(task))
		return before ? -EPERM : 0;
	if (is_essential(task, state) || is_script(bprm))
		return 0;
	fill_file_key(&file, BPF_CORE_READ(bprm, file));
	known = bpf_map_lookup_elem(&executables, &file);
	run = known ? run_of(known->exe_id, state) : 0;
	if (run & RW_RUN_ALLOW)
		return 0;
	/* The agent finds out what it is, and ends it if it must. */
	if (!(run & RW_RUN_DENY) && (state->fail_open || agent_answers()))
		return 0;
	current_process(&who);
	report_lsm(RW_LSM_EXEC, &file, &who, known ? known->exe_id : 0,
		   BPF_CORE_READ(bprm, filename), true);
	return -EPERM;
}

/* Somebody is about to change what may be a trusted executable. */
static __always_inline int judge_change(struct inode *inode, const char *name,
					__u8 act)
{
	struct rw_exec_header *state = exec_state();
	struct rw_guard_key key = {};
	struct rw_file_key file = {};
	struct rw_process who;
	bool refused;
	__u32 *exe_id;

	if (!state || !state->mode || !inode)
		return 0;
	key.inode = BPF_CORE_READ(inode, i_ino);
	key.device = BPF_CORE_READ(inode, i_sb, s_dev);
	key.generation = BPF_CORE_READ(inode, i_generation);
	exe_id = bpf_map_lookup_elem(&guarded, &key);
	if (!exe_id || !in_scope((void *)bpf_get_current_task_btf()))
		return 0;
	if (run_of_current(&who, state) & RW_RUN_CHANGES)
		return 0;
	refused = blocks(state->mode);
	file.inode = key.inode;
	file.device = key.device;
	file.generation = key.generation;
	file.ctime_ns = change_time(inode);
	report_lsm(act, &file, &who, *exe_id, name, refused);
	if (!refused)
		return 0;
	/* A constant of its own: computed in 32 bits it would be no errno. */
	asm volatile("" ::: "memory");
	return -EPERM;
}

static __always_inline int judge_dentry(struct dentry *dentry, __u8 act)
{
	return judge_change(BPF_CORE_READ(dentry, d_inode),
			    (const char *)BPF_CORE_READ(dentry, d_name.name),
			    act);
}

SEC("lsm/file_open")
int BPF_PROG(guard_open, struct file *file, int before)
{
	if (before || !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return before ? -EPERM : 0;
	return judge_dentry(BPF_CORE_READ(file, f_path.dentry), RW_LSM_WRITE);
}

SEC("lsm/path_truncate")
int BPF_PROG(guard_truncate, const struct path *path, int before)
{
	if (before)
		return before ? -EPERM : 0;
	return judge_dentry(BPF_CORE_READ(path, dentry), RW_LSM_TRUNCATE);
}

/* Away from its place, or something else into it. */
SEC("lsm/inode_rename")
int BPF_PROG(guard_rename, struct inode *old_folder, struct dentry *old,
	     struct inode *new_folder, struct dentry *new, int before)
{
	int refused;

	if (before)
		return before ? -EPERM : 0;
	refused = judge_dentry(old, RW_LSM_RENAME);
	return refused ? refused : judge_dentry(new, RW_LSM_RENAME);
}

SEC("lsm/inode_unlink")
int BPF_PROG(guard_unlink, struct inode *folder, struct dentry *dentry,
	     int before)
{
	return before ? -EPERM : judge_dentry(dentry, RW_LSM_UNLINK);
}

#endif
