// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Which processes an instance is about: those below one cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "loader.h"

#define ROOT_CGROUP_ID 1

static bool on_cgroup2(const char *path, struct stat *out)
{
	struct statfs fs;

	return !stat(path, out) && !statfs(path, &fs) &&
	       fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Steps up to the hierarchy's root, or -1 when the root can't be seen. */
static int depth_of(const char *path, dev_t device)
{
	char at[PATH_MAX], copy[PATH_MAX];
	struct stat info;
	int depth = 0;

	strcpy(at, path);
	for (;;) {
		if (!on_cgroup2(at, &info) || info.st_dev != device)
			return -1;
		if (info.st_ino == ROOT_CGROUP_ID)
			return depth;
		strcpy(copy, at);
		strcpy(at, dirname(copy));
		depth++;
	}
}

int find_scope(const char *path, struct scope *scope)
{
	char real[PATH_MAX];
	struct stat info;
	int depth;

	if (!realpath(path, real)) {
		complain("`--cgroup %s`: %s", path, strerror(errno));
		return EXIT_USAGE;
	}
	if (!on_cgroup2(real, &info)) {
		complain("`--cgroup %s` is not a cgroup v2 directory; "
			 "`grep cgroup2 /proc/self/mountinfo` shows where they are",
			 path);
		return EXIT_USAGE;
	}
	depth = depth_of(real, info.st_dev);
	if (depth < 0) {
		complain("`--cgroup %s`: the root of the cgroup hierarchy is not "
			 "visible here; run in the host's cgroup namespace", path);
		return EXIT_FAILED;
	}
	scope->id = info.st_ino;
	scope->level = depth;
	scope->fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (scope->fd < 0) {
		complain("`--cgroup %s`: %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	return 0;
}
