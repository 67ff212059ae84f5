/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Foreign hands in the memory of a running program that is allowed. The decoy
 * rests until a word of its memory is changed; nothing but that is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "canary.h"

extern char **environ;

struct victim {
	pid_t pid;
	/* Where its word is. */
	unsigned long at;
};

static void run_victim(const struct target *target, int out, bool traced)
{
	char number[16];
	char *argv[] = { target->decoy, "poked", target->host, target->port,
			 number, (char *)target->token, NULL };

	snprintf(number, sizeof(number), "%d", out);
	if (traced)
		must("traceme", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	become(target->decoy, argv, environ);
}

static struct victim start_victim(const struct target *target, bool traced)
{
	struct victim victim = {};
	int out[2], status;

	must("pipe", pipe(out));
	victim.pid = must("fork", fork());
	if (victim.pid == 0) {
		close(out[0]);
		run_victim(target, out[1], traced);
	}
	close(out[1]);
	if (traced) {
		/* Stopped before its first instruction. */
		waitpid(victim.pid, &status, 0);
		ptrace(PTRACE_CONT, victim.pid, NULL, NULL);
	}
	if (read(out[0], &victim.at, sizeof(victim.at)) != sizeof(victim.at))
		skip("the decoy did not start");
	return victim;
}

static void wait_for(const struct victim *victim)
{
	waitpid(victim->pid, NULL, 0);
	_exit(0);
}

static void poke(const struct victim *victim)
{
	int status;

	waitpid(victim->pid, &status, __WALL);
	must("poke", ptrace(PTRACE_POKEDATA, victim->pid, (void *)victim->at, (void *)1L));
	ptrace(PTRACE_DETACH, victim->pid, NULL, NULL);
	wait_for(victim);
}

void by_trace_from_start(const struct target *target)
{
	struct victim victim = start_victim(target, true);

	kill(victim.pid, SIGSTOP);
	poke(&victim);
}

void by_trace(const struct target *target)
{
	struct victim victim = start_victim(target, false);

	must("attach", ptrace(PTRACE_ATTACH, victim.pid, NULL, NULL));
	poke(&victim);
}

void by_vm_write(const struct target *target)
{
	struct victim victim = start_victim(target, false);
	long one = 1;
	struct iovec mine = { &one, sizeof(one) };
	struct iovec theirs = { (void *)victim.at, sizeof(one) };

	must("process_vm_writev", process_vm_writev(victim.pid, &mine, 1, &theirs, 1, 0));
	wait_for(&victim);
}

void by_memory_file(const struct target *target)
{
	struct victim victim = start_victim(target, false);
	char path[64];
	long one = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", victim.pid);
	fd = must("open", open(path, O_RDWR | O_CLOEXEC));
	must("write", pwrite(fd, &one, sizeof(one), victim.at));
	wait_for(&victim);
}
