/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the LSM programs and the agent share (docs/exec-control.md). */
#ifndef RINGWALL_EXEC_LAYOUT_H
#define RINGWALL_EXEC_LAYOUT_H

/* What may be done by, or with, an executable. 0: nobody has judged it. */
enum rw_run {
	RW_RUN_ALLOW = 1,
	RW_RUN_DENY = 2,
	RW_RUN_CHANGES = 4, /* may change trusted files: a package manager */
	RW_RUN_AGENT = 8, /* the agent's own: may start what it likes */
	RW_RUN_TRACES = 16, /* may reach into other programs: a debugger */
};

/* workload -> what holds; 8 bytes, so that it changes in one store */
struct rw_exec_header {
	__u8 mode; /* enum rw_mode of `processes` */
	__u8 fail_open;
	__u8 column; /* which of the two in rw_exec_verdict is live */
	__u8 pad;
	__u32 workload; /* whose verdicts */
};

struct rw_run_key {
	__u32 exe_id;
	__u32 workload; /* 0: the host's */
};

struct rw_exec_verdict {
	__u8 run[2]; /* enum rw_run; the agent fills one, then makes it live */
	__u8 pad[2];
};

/* A file whatever its content: by its place and not by its change time. */
struct rw_guard_key {
	__u64 inode;
	__u32 device; /* the kernel's dev_t */
	__u32 generation;
};

/* Executions of which the agent has nothing left to find out. */
struct rw_routine_key {
	struct rw_file_key file;
	__u64 cgroup_id;
	__u32 uid;
	__u32 pad;
};

enum rw_lsm_act {
	RW_LSM_EXEC = 1, /* the file is the one to be executed */
	RW_LSM_WRITE = 2, /* it is the trusted one */
	RW_LSM_TRUNCATE = 3,
	RW_LSM_RENAME = 4,
	RW_LSM_UNLINK = 5,
	RW_LSM_MEMORY = 6, /* not it, but a process that runs it */
};

struct rw_lsm_event {
	struct rw_event_header header;
	struct rw_file_key file;
	struct rw_process process; /* who did it */
	__u32 exe_id; /* of the file; 0: not known */
	__u8 act; /* enum rw_lsm_act */
	__u8 refused;
	__u8 pad[2];
	char filename[256]; /* as given to execve; else the file's own name, or the process's */
};

RW_SIZE(rw_exec_header, 8);
RW_SIZE(rw_run_key, 8);
RW_SIZE(rw_exec_verdict, 4);
RW_SIZE(rw_guard_key, 16);
RW_SIZE(rw_routine_key, 40);
RW_SIZE(rw_lsm_event, 344);

#endif
