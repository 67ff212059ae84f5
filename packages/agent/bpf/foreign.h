/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Foreign hands in a program, told at its exec and by no variable: in a user
 * namespace anybody may mount anything over a library or /etc/ld.so.preload;
 * under ptrace another process writes its memory. Who holds the capabilities
 * of the host can do both everywhere, and is no news.
 */
#ifndef RINGWALL_FOREIGN_H
#define RINGWALL_FOREIGN_H

#define CAP_SYS_PTRACE_BIT (1U << 19)

/* The tracer's rights when it began; 19 lies in the first word of either layout. */
static __always_inline bool may_trace_anybody(const struct cred *tracer)
{
	__u32 capabilities = 0;

	if (!tracer || BPF_CORE_READ(tracer, user_ns, level) > 0)
		return false;
	bpf_probe_read_kernel(&capabilities, sizeof(capabilities),
			      &tracer->cap_effective);
	return capabilities & CAP_SYS_PTRACE_BIT;
}

/* RW_EXEC_USER_NAMESPACE, RW_EXEC_TRACED. */
static __always_inline __u32 foreign_hands(struct task_struct *task)
{
	__u32 found = 0;

	if (BPF_CORE_READ(task, cred, user_ns, level) > 0)
		found |= RW_EXEC_USER_NAMESPACE;
	if (BPF_CORE_READ(task, ptrace) &&
	    !may_trace_anybody(BPF_CORE_READ(task, ptracer_cred)))
		found |= RW_EXEC_TRACED;
	return found;
}

#endif
