// SPDX-License-Identifier: Apache-2.0
/* Which file systems the kernel asks about, and which files no more. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>

#include "gate.h"

/* Nothing can be executed from these. */
static const char *const without_programs[] = {
	"proc", "sysfs", "cgroup", "cgroup2", "devpts", "bpf", "tracefs",
	"debugfs", "securityfs", "pstore", "mqueue", "hugetlbfs", "configfs",
	"fusectl", "efivarfs", "binfmt_misc", "autofs", "nsfs", "rpc_pipefs",
	"selinuxfs", NULL
};

/* Somebody else answers for these, or does not. */
static const char *const with_servers[] = {
	"nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "afs", "lustre",
	"coda", "orangefs", "gfs2", "ocfs2", NULL
};

int open_group(void)
{
	return fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK |
				     FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
			     O_RDONLY | O_LARGEFILE | O_CLOEXEC);
}

unsigned int mark_kind(const struct gate *gate)
{
	return gate->mount_marks ? FAN_MARK_MOUNT : FAN_MARK_FILESYSTEM;
}

void mark_path(struct gate *gate, const char *path)
{
	if (!fanotify_mark(gate->events, FAN_MARK_ADD | mark_kind(gate),
			   FAN_OPEN_EXEC_PERM, AT_FDCWD, path))
		gate->marks++;
	else if (errno != ENOENT && errno != EACCES)
		tell("unmarked %s %s\n", strerrorname_np(errno), path);
}

struct served {
	int count;
	char *paths[PROBES_MAX];
};

static bool is_among(const char *const *types, const char *type)
{
	for (int i = 0; types[i]; i++)
		if (!strcmp(types[i], type))
			return true;
	return false;
}

static bool has_server(const char *type)
{
	return !strncmp(type, "fuse", 4) || is_among(with_servers, type);
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *path)
{
	char *to = path;

	for (char *at = path; *at; at++) {
		if (at[0] == '\\' && at[1] && at[2] && at[3]) {
			*to++ = (at[1] - '0') << 6 | (at[2] - '0') << 3 |
				(at[3] - '0');
			at += 3;
		} else {
			*to++ = *at;
		}
	}
	*to = 0;
}

/* Also what is mounted below one can be reached only through it. */
static bool may_hang(struct served *served, const char *type, const char *path)
{
	/* Where it is the root, everything hangs with it. */
	if (!strcmp(path, "/"))
		return false;
	for (int i = 0; i < served->count; i++) {
		size_t length = strlen(served->paths[i]);

		if (!strncmp(path, served->paths[i], length) &&
		    path[length] == '/')
			return true;
	}
	if (!has_server(type))
		return false;
	if (served->count < PROBES_MAX &&
	    (served->paths[served->count] = strdup(path)))
		served->count++;
	return true;
}

static void mark_mounts(struct gate *gate)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	struct served served = {};
	char *line = NULL;
	size_t bytes = 0;

	while (mounts && getline(&line, &bytes, mounts) > 0) {
		char *type = strstr(line, " - "), *path = line;

		for (int field = 0; path && field < 4; field++) {
			path = strchr(path, ' ');
			path = path ? path + 1 : NULL;
		}
		if (!type || !path)
			continue;
		type += 3;
		type[strcspn(type, " ")] = 0;
		path[strcspn(path, " ")] = 0;
		unescape(path);
		if (is_among(without_programs, type))
			continue;
		if (may_hang(&served, type, path))
			mark_when_answered(gate, path);
		else
			mark_path(gate, path);
	}
	free(line);
	while (served.count)
		free(served.paths[--served.count]);
	if (mounts)
		fclose(mounts);
}

/* Marking twice changes nothing. */
void mark_all(struct gate *gate)
{
	gate->marks = 0;
	if (!gate->paths[0])
		mark_mounts(gate);
	for (int i = 0; i < PATHS_MAX && gate->paths[i]; i++)
		mark_when_answered(gate, gate->paths[i]);
}

/* The kernel forgets it as soon as somebody writes to the file. */
bool ignore_file(const struct gate *gate, int file)
{
	return !fanotify_mark(gate->events, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK,
			      FAN_OPEN_EXEC_PERM, file, NULL);
}

void unignore_file(const struct gate *gate, int file)
{
	fanotify_mark(gate->events, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK,
		      FAN_OPEN_EXEC_PERM, file, NULL);
}

void forget_ignored(const struct gate *gate)
{
	fanotify_mark(gate->events, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
}
