// SPDX-License-Identifier: Apache-2.0
/* Who wants to execute something, and whether it is this gate's business. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gate.h"

#define KTHREADD 2 /* parent of the kernel's own helpers */

static bool read_text(pid_t pid, const char *what, char *out, size_t room)
{
	char path[64];
	ssize_t bytes;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	bytes = read(file, out, room - 1);
	close(file);
	out[bytes > 0 ? bytes : 0] = 0;
	return bytes > 0;
}

/* A process whose group can't be told is taken for one of ours. */
static bool in_scope(const struct gate *gate, pid_t pid)
{
	size_t length = strlen(gate->scope);
	char text[SCOPE_BYTES_MAX + 512];
	const char *path;

	if (!length)
		return true;
	if (!read_text(pid, "cgroup", text, sizeof(text)))
		return true;
	path = strstr(text, "0::");
	if (!path || (path != text && path[-1] != '\n'))
		return true;
	path += 3;
	return !strncmp(path, gate->scope, length) &&
	       (path[length] == '/' || path[length] == '\n');
}

bool find_asker(const struct gate *gate, pid_t pid, struct asker *out)
{
	char text[1024], path[32];
	struct stat info;
	char *at;

	*out = (struct asker){ .pid = pid };
	if (read_text(pid, "stat", text, sizeof(text))) {
		/* The name in brackets may hold anything, also brackets. */
		at = strrchr(text, ')');
		out->ppid = at && strlen(at) > 4 ? atoi(at + 4) : 0;
	}
	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (!stat(path, &info))
		out->uid = info.st_uid;
	/* INVARIANT: what the agent starts never waits for the agent. */
	if (pid == gate->agent || out->ppid == gate->agent ||
	    out->ppid == KTHREADD)
		return false;
	return in_scope(gate, pid);
}
