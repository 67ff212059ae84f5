// SPDX-License-Identifier: Apache-2.0
/*
 * File systems with somebody behind them, a server or a program: to mark one may
 * take for ever, and the host would stand still meanwhile. A process of its own
 * tries first, with a group that asks nobody. Whoever hangs, it is that one.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "gate.h"

static struct probe {
	char *path; /* NULL: free */
	pid_t pid;
	int64_t since_ms;
	bool late; /* told as unmarked */
} probes[PROBES_MAX];
static int results[2]; /* each is the number of a process that came back */

int open_probes(void)
{
	/* Nobody waits for them. */
	signal(SIGCHLD, SIG_IGN);
	return pipe2(results, O_CLOEXEC | O_NONBLOCK) ? -1 : results[0];
}

static _Noreturn void try_mark(const char *path, unsigned int how)
{
	pid_t pid = getpid();
	int group;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* INVARIANT: who may hang holds neither the gate's group nor its pipes. */
	dup2(results[1], STDIN_FILENO);
	close_range(STDIN_FILENO + 1, ~0U, 0);
	group = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);
	/* Whether that is possible is told by the gate's own try. */
	fanotify_mark(group, FAN_MARK_ADD | how, FAN_OPEN_EXEC, AT_FDCWD, path);
	_exit(write(STDIN_FILENO, &pid, sizeof(pid)) != sizeof(pid));
}

static void drop(struct probe *probe)
{
	free(probe->path);
	probe->path = NULL;
}

static struct probe *place_for(const char *path)
{
	struct probe *empty = NULL;

	for (int i = 0; i < PROBES_MAX; i++) {
		struct probe *probe = &probes[i];

		/* Somebody ended it. */
		if (probe->path && kill(probe->pid, 0))
			drop(probe);
		if (!probe->path)
			empty = probe;
		else if (!strcmp(probe->path, path))
			return probe;
	}
	return empty;
}

void mark_when_answered(struct gate *gate, const char *path)
{
	struct probe *probe = place_for(path);

	if (probe && probe->path)
		return;
	/* To leave it out would be worse than to risk that it hangs. */
	if (!probe || !(probe->path = strdup(path))) {
		mark_path(gate, path);
		return;
	}
	probe->since_ms = now_ms();
	probe->late = false;
	probe->pid = fork();
	if (!probe->pid)
		try_mark(path, mark_kind(gate));
	if (probe->pid < 0) {
		mark_path(gate, path);
		drop(probe);
	}
}

void take_probes(struct gate *gate)
{
	pid_t pid;

	while (read(results[0], &pid, sizeof(pid)) == sizeof(pid))
		for (int i = 0; i < PROBES_MAX; i++)
			if (probes[i].path && probes[i].pid == pid) {
				mark_path(gate, probes[i].path);
				drop(&probes[i]);
			}
}

void expire_probes(void)
{
	for (int i = 0; i < PROBES_MAX; i++) {
		struct probe *probe = &probes[i];

		if (!probe->path || probe->late ||
		    now_ms() - probe->since_ms < PROBE_MS_MAX)
			continue;
		probe->late = true;
		tell("unmarked ETIMEDOUT %s\n", probe->path);
	}
}

int ms_until_probed(void)
{
	int64_t next = -1, now = now_ms();

	for (int i = 0; i < PROBES_MAX; i++) {
		int64_t at = probes[i].since_ms + PROBE_MS_MAX;

		if (probes[i].path && !probes[i].late && (next < 0 || at < next))
			next = at;
	}
	return next < 0 ? -1 : next > now ? (int)(next - now) : 0;
}
