/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * LSM program (optional) that keeps other software out of the processes of
 * software that the policy names: ptrace, process_vm_writev, /proc/PID/mem,
 * pidfd_getfd. The kernel asks here whenever one process wants more of another
 * than to look at it (PTRACE_MODE_ATTACH).
 */
#ifndef RINGWALL_LSM_MEMORY_H
#define RINGWALL_LSM_MEMORY_H

#define PTRACE_MODE_ATTACH 2

static __always_inline struct rw_exec_header *exec_header_of(__u32 workload)
{
	return bpf_map_lookup_elem(&exec_header, &workload);
}

/* What the policy in a slot makes of an identity. */
static __always_inline __u32 subject_in(__u32 slot, __u32 identity)
{
	__u32 *class;
	void *map;

	if (!identity)
		return RW_SUBJECT_UNKNOWN;
	map = bpf_map_lookup_elem(&subjects, &slot);
	if (!map)
		return RW_SUBJECT_UNKNOWN;
	class = bpf_map_lookup_elem(map, &identity);
	return class ? *class : RW_SUBJECT_UNKNOWN;
}

/* The strictest of the three modes that hold for a control group, and its slot. */
static __always_inline __u8 strictest_mode(__u64 cgroup_id, __u32 *slot_index,
					   bool *fail_open)
{
	struct rw_slot *in, *out;
	struct rw_exec_header *run;
	__u32 index;
	__u8 mode = 0;

	*fail_open = false;
	in = live_slot(cgroup_id, RW_DIRECTION_IN, &index);
	*slot_index = index & SLOT_MASK;
	if (in) {
		mode = in->mode_in;
		*fail_open = in->fail_open;
	}
	out = live_slot(cgroup_id, RW_DIRECTION_OUT, &index);
	if (out && out->mode_out) {
		*slot_index = index & SLOT_MASK;
		*fail_open = out->fail_open;
		if (out->mode_out > mode)
			mode = out->mode_out;
	}
	run = exec_header_of(workload_of(cgroup_id));
	if (!run || !run->mode)
		run = exec_header_of(0);
	if (run && run->mode > mode)
		mode = run->mode;
	return mode;
}

/* Names a `run` rule a debugger that this is, there or on the host? */
static __always_inline bool may_trace(const struct rw_process *who,
				      __u64 cgroup_id)
{
	struct rw_exec_header *there = exec_header_of(workload_of(cgroup_id));
	struct rw_exec_header *host = exec_header_of(0);

	if (there && run_of(who->exe_id, there) & RW_RUN_TRACES)
		return true;
	return host && run_of(who->exe_id, host) & RW_RUN_TRACES;
}

/* init, the agent, the kernel's helpers, and who was let in before. */
static __always_inline bool may_reach(struct task_struct *target,
				      struct task_struct *task,
				      const struct rw_process *who)
{
	if (who->flags & RW_TASK_AGENT || who->tgid == INIT_TGID ||
	    BPF_CORE_READ(task, real_parent, tgid) == KTHREADD_TGID)
		return true;
	return BPF_CORE_READ(target, ptrace) &&
	       BPF_CORE_READ(target, parent, tgid) == who->tgid;
}

static __always_inline bool same_execution(const struct rw_process *a,
					   const struct rw_process *b)
{
	return a->exec_ns && a->exec_ns == b->exec_ns &&
	       a->exec_tgid == b->exec_tgid;
}

static __always_inline void report_reach(struct task_struct *target,
					 const struct rw_process *whose,
					 const struct rw_process *who,
					 bool refused)
{
	struct rw_file_key file = {};
	char name[RW_COMM_BYTES];
	struct file *exe = BPF_CORE_READ(target, mm, exe_file);

	if (exe)
		fill_file_key(&file, exe);
	BPF_CORE_READ_INTO(&name, target, comm);
	report_lsm(RW_LSM_MEMORY, &file, who, whose->exe_id, name, refused);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(guard_memory, struct task_struct *target, unsigned int access,
	     int before)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct rw_process who, whose;
	__u32 slot, subject, identity, mine;
	bool fail_open, refused;
	__u8 mode;

	if (before || !(access & PTRACE_MODE_ATTACH))
		return before ? -EPERM : 0;
	if (!in_scope(target) || !in_scope(task))
		return 0;
	process_of(&whose, target);
	mode = strictest_mode(whose.cgroup_id, &slot, &fail_open);
	current_process(&who);
	if (!mode || same_execution(&who, &whose) ||
	    may_reach(target, task, &who))
		return 0;
	refused = blocks(mode);
	identity = identity_of(&whose);
	mine = identity_of(&who);
	if (!mine)
		report_miss(&who);
	if (is_known(&whose, identity)) {
		subject = whose.flags & RW_TASK_AGENT ?
				  RW_SUBJECT_AGENT :
				  subject_in(slot, identity);
		if (!(subject & 1) ||
		    subject == subject_in(slot, mine))
			return 0;
	} else {
		/* It may be any; asked again it is known. */
		report_miss(&whose);
		if (!refused || fail_open)
			return 0;
	}
	if (may_trace(&who, whose.cgroup_id))
		return 0;
	report_reach(target, &whose, &who, refused);
	if (!refused)
		return 0;
	/* A constant of its own: computed in 32 bits it would be no errno. */
	asm volatile("" ::: "memory");
	return -EPERM;
}

#endif
