/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringwall-gate: answers the kernel's question whether a file may be executed
 * (fanotify FAN_OPEN_EXEC_PERM). A process of its own, so that whatever the
 * agent is busy with, every question is answered in time: from what is known,
 * else by the agent within ANSWER_MS_MAX, else by the segment's fail mode.
 *
 * It speaks in lines with the agent that started it, and ends when that does;
 * the kernel then asks nobody any more.
 *
 *   to the agent                            from the agent
 *   ready MARKS                             answer ID allow|deny keep|once
 *   ask ID PID UID PPID FD KEY              fail static|open
 *   denied PID UID PPID KEY COUNT           forget
 *   expired PID UID PPID KEY allow|deny
 *   unmarked WHY PATH
 *   forgotten
 *
 * While the agent does not read, lines are lost, but for `ready` and
 * `forgotten`: it waits for those.
 */
#ifndef RINGWALL_GATE_H
#define RINGWALL_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define ANSWER_MS_MAX 2000 /* then the fail mode answers */
#define LATE_MS_MAX 60000 /* an answer that comes later is not kept */
#define QUESTIONS_MAX 256 /* one more is answered by the fail mode */
#define VERDICTS_MAX 16384 /* files; then all are forgotten and asked again */
#define PROBE_MS_MAX 3000 /* then it is told as unmarked, until it answers */
#define PROBES_MAX 64 /* one more is marked unseen */
#define SCOPE_BYTES_MAX 4096
#define PATHS_MAX 32

/* A file as long as it has not changed. */
struct key {
	uint64_t device;
	uint64_t inode;
	int64_t ctime_s;
	int64_t ctime_ns;
};

struct asker {
	pid_t pid;
	pid_t ppid;
	uid_t uid;
};

struct gate {
	int events; /* the fanotify group */
	bool fail_open;
	bool stalled; /* the agent let a question expire and said nothing since */
	bool mount_marks;
	pid_t agent;
	const char *scope; /* path below the cgroup2 root; "" is everything */
	const char *paths[PATHS_MAX]; /* NULL first: every mount */
	int marks;
	int64_t since_ms; /* it began */
	bool owed_ready; /* lines that there was no room for yet */
	unsigned int owed_forgotten;
};

/* key.c */
struct key key_of(const struct stat *info);
bool same_key(const struct key *a, const struct key *b);

/* verdicts.c */
enum verdict { UNKNOWN, ALLOW, DENY };
enum verdict find_verdict(const struct key *key);
void keep_verdict(const struct key *key, enum verdict verdict);
void forget_verdicts(void);

/* marks.c */
int open_group(void);
void mark_all(struct gate *gate);
void mark_path(struct gate *gate, const char *path);
unsigned int mark_kind(const struct gate *gate);
bool ignore_file(const struct gate *gate, int file);
void unignore_file(const struct gate *gate, int file);
void forget_ignored(const struct gate *gate);

/* probes.c */
int open_probes(void); /* readable when take_probes has something to do */
void mark_when_answered(struct gate *gate, const char *path);
void take_probes(struct gate *gate);
void expire_probes(void);
int ms_until_probed(void); /* -1: all have answered, or were told as late */

/* asker.c: false where the process is none of this gate's. */
bool find_asker(const struct gate *gate, pid_t pid, struct asker *out);

/* questions.c */
void read_events(struct gate *gate);
void take_answer(struct gate *gate, uint64_t id, enum verdict verdict,
		 bool keep);
void expire_questions(struct gate *gate);
int ms_until_expiry(void);

/* main.c */
int64_t now_ms(void);
/* One line to the agent; false when it does not take it now. */
bool tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
