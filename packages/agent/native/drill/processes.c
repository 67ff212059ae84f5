/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Processes and files that try to be taken for something else. */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "canary.h"

extern char **environ;

/* Waits for the child; it has said how it went. */
static void wait_for(pid_t child)
{
	waitpid(child, NULL, 0);
	_exit(0);
}

void from_fork(const struct target *target)
{
	pid_t child = must("fork", fork());

	if (child == 0)
		by_tcp(target);
	wait_for(child);
}

void from_vfork(const struct target *target)
{
	pid_t child = vfork();

	if (child == 0)
		by_tcp(target);
	wait_for(child);
}

/* Shares its descriptors and its folder with its parent, as fork() does not. */
void from_clone(const struct target *target)
{
	pid_t child = syscall(SYS_clone, CLONE_FILES | CLONE_FS | SIGCHLD, NULL, NULL, NULL, NULL);

	must("clone", child);
	if (child == 0)
		by_tcp(target);
	wait_for(child);
}

/* Gone before anybody can have looked at it: what it has sent is on its way. */
void from_short_life(const struct target *target)
{
	pid_t child = must("fork", fork());
	int status = 0;

	if (child == 0) {
		char *argv[] = { target->self, "udp", target->host, target->port,
				 (char *)target->token, target->decoy, target->scratch, NULL };
		char *copy = in_scratch(target, "short");

		copy_file(target->self, copy);
		become(copy, argv, environ);
	}
	waitpid(child, &status, 0);
	_exit(0);
}

/* `argv` of the plain attempt, under the name `name`. */
static void run_as(const struct target *target, const char *path, char *name)
{
	char *argv[] = { name, "tcp", target->host, target->port,
			 (char *)target->token, target->decoy, target->scratch, NULL };

	become(path, argv, environ);
}

void by_exec_chain(const struct target *target)
{
	char *copy = in_scratch(target, "link-of-the-chain");
	char *argv[] = { "sh", "-c", "exec env \"$0\" tcp \"$@\"", copy, target->host, target->port,
			 (char *)target->token, target->decoy, target->scratch, NULL };

	copy_file(target->self, copy);
	become("/bin/sh", argv, environ);
}

void from_memfd(const struct target *target)
{
	int file = must("open", open(target->self, O_RDONLY | O_CLOEXEC));
	int memory = must("memfd", syscall(SYS_memfd_create, "decoy", MFD_CLOEXEC));
	char *argv[] = { target->decoy, "tcp", target->host, target->port,
			 (char *)target->token, target->decoy, target->scratch, NULL };
	struct stat stat;

	fstat(file, &stat);
	if (sendfile(memory, file, NULL, stat.st_size) != stat.st_size)
		finish("copy", errno);
	fexecve(memory, argv, environ);
	finish("exec", errno);
}

void from_deleted_file(const struct target *target)
{
	char *copy = in_scratch(target, "deleted");

	if (strcmp(target->self, copy) == 0) {
		unlink(copy);
		by_tcp(target);
	}
	copy_file(target->self, copy);
	char *argv[] = { copy, "deleted-file", target->host, target->port,
			 (char *)target->token, target->decoy, target->scratch, NULL };

	become(copy, argv, environ);
}

void as_forged_name(const struct target *target)
{
	run_as(target, target->self, target->decoy);
}

void from_hard_link(const struct target *target)
{
	char *copy = in_scratch(target, "linked"), *name = in_scratch(target, "ringwall-decoy");

	copy_file(target->self, copy);
	must("link", link(copy, name));
	run_as(target, name, name);
}

void from_symbolic_link(const struct target *target)
{
	char *name = in_scratch(target, "ringwall-decoy");

	must("symlink", symlink(target->self, name));
	run_as(target, name, name);
}

/* The control group below which this program runs, where it can be seen. */
static char *own_cgroup(void)
{
	static char mount[4096], path[4096], line[8192];
	FILE *file = fopen("/proc/self/mountinfo", "r");
	char *all = NULL;

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, " - cgroup2 "))
			sscanf(line, "%*s %*s %*s %*s %4095s", mount);
	if (file)
		fclose(file);
	file = fopen("/proc/self/cgroup", "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "0::", 3) == 0)
			sscanf(line, "0::%4095s", path);
	if (file)
		fclose(file);
	if (!*mount || asprintf(&all, "%s%s/ringwall-canary", mount, path) < 0)
		return NULL;
	return all;
}

void from_other_cgroup(const struct target *target)
{
	char *folder = own_cgroup(), *procs = NULL;
	pid_t child;
	int fd;

	if (!folder || asprintf(&procs, "%s/cgroup.procs", folder) < 0)
		skip("control groups can't be seen here");
	if (mkdir(folder, 0755))
		skip("no control group can be made here");
	child = fork();
	if (child == 0) {
		fd = open(procs, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			finish("move", errno);
		by_tcp(target);
	}
	waitpid(child, NULL, 0);
	rmdir(folder);
	_exit(0);
}

/* A socket keeps the network in which it was made. */
void from_network_namespace(const struct target *target)
{
	int fd = tcp_socket(target);

	must("unshare", unshare(CLONE_NEWNET));
	must("connect", connect_to(target, fd));
	leave_token(target, fd);
}
