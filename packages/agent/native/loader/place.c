// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Where an instance is pinned: DIR/maps, links, iter, devices on a bpffs. Where
 * the parent of DIR is not on a bpffs, one is mounted there, and goes with the
 * last instance.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

#define MOUNT_SOURCE "ringwall"

static const char *const kinds[] = { "maps", "links", "iter", "devices", NULL };

static void parent_of(char out[PATH_MAX], const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(out, PATH_MAX, "%s", dirname(copy));
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

static bool make_directories(const char *path)
{
	char at[PATH_MAX];

	snprintf(at, sizeof(at), "%s", path);
	for (char *slash = at + 1; *slash; slash++) {
		if (*slash != '/')
			continue;
		*slash = 0;
		if (mkdir(at, 0700) && errno != EEXIST)
			return false;
		*slash = '/';
	}
	return !mkdir(at, 0700) || errno == EEXIST;
}

/* One loader at a time for a place; the lock is the folder above the bpffs. */
int lock_place(const char *pin)
{
	char root[PATH_MAX], above[PATH_MAX];
	int fd;

	parent_of(root, pin);
	parent_of(above, root);
	if (!make_directories(above)) {
		complain("can't make `%s`: %s", above, strerror(errno));
		return -1;
	}
	fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		complain("can't lock `%s`: %s", above, strerror(errno));
		return -1;
	}
	return fd;
}

int make_place(const char *pin)
{
	char root[PATH_MAX], path[PATH_MAX];

	parent_of(root, pin);
	if (!is_bpffs(root)) {
		if (!make_directories(root) ||
		    mount(MOUNT_SOURCE, root, "bpf", 0, "mode=0700")) {
			complain("can't mount a bpffs at `%s`: %s", root,
				 strerror(errno));
			return EXIT_FAILED;
		}
	}
	if (mkdir(pin, 0700) && errno != EEXIST) {
		complain("can't make `%s`: %s", pin, strerror(errno));
		return EXIT_FAILED;
	}
	for (int i = 0; kinds[i]; i++) {
		if (!pin_path(path, pin, kinds[i], NULL) ||
		    (mkdir(path, 0700) && errno != EEXIST)) {
			complain("can't make `%s`: %s", path, strerror(errno));
			return EXIT_FAILED;
		}
	}
	return 0;
}

bool pin_path(char out[PATH_MAX], const char *pin, const char *kind,
	      const char *name)
{
	int length = snprintf(out, PATH_MAX, "%s/%s%s%s", pin, kind,
			      name ? "/" : "", name ? name : "");

	return length > 0 && length < PATH_MAX;
}

/* Pins under another name first, so that the old pin is never missing. */
bool replace_pin(int fd, const char *path)
{
	char next[PATH_MAX];

	if (!access(path, F_OK)) {
		snprintf(next, sizeof(next), "%.*s_next", PATH_MAX - 8, path);
		unlink(next);
		return !bpf_obj_pin(fd, next) && !rename(next, path);
	}
	return !bpf_obj_pin(fd, path);
}

static void remove_files(const char *directory)
{
	DIR *listing = opendir(directory);
	struct dirent *entry;

	if (!listing)
		return;
	while ((entry = readdir(listing)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(listing), entry->d_name, 0);
	closedir(listing);
	rmdir(directory);
}

/* Holds a bpffs nothing but what the kernel puts into every new one? */
static bool is_unused(const char *root)
{
	DIR *listing = opendir(root);
	struct dirent *entry;
	bool unused = listing != NULL;

	while (listing && (entry = readdir(listing))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (entry->d_name[0] != '.' && (!dot || strcmp(dot, ".debug")))
			unused = false;
	}
	if (listing)
		closedir(listing);
	return unused;
}

/* Links first: with them, enforcement ends in one step per hook. */
void clear_place(const char *pin)
{
	char path[PATH_MAX], root[PATH_MAX];

	if (pin_path(path, pin, "links", NULL))
		remove_files(path);
	for (int i = 0; kinds[i]; i++)
		if (pin_path(path, pin, kinds[i], NULL))
			remove_files(path);
	rmdir(pin);
	parent_of(root, pin);
	if (is_bpffs(root) && strcmp(root, "/sys/fs/bpf") && is_unused(root) &&
	    !umount(root))
		rmdir(root);
}

int command_unload(const struct options *options)
{
	int lock;

	/* A Ctrl-C in the terminal must not leave half of it. */
	signal(SIGINT, SIG_IGN);
	if (access(options->pin, F_OK)) {
		complain("nothing is pinned at `%s`", options->pin);
		return EXIT_FINE;
	}
	lock = lock_place(options->pin);
	if (lock < 0)
		return EXIT_FAILED;
	detach_devices(options);
	clear_place(options->pin);
	close(lock);
	if (!access(options->pin, F_OK)) {
		complain("could not remove all of `%s`", options->pin);
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}

/* That of another version may be longer or shorter. */
bool read_meta(const char *pin, struct rw_meta *meta)
{
	struct bpf_map_info info = {};
	__u32 bytes = sizeof(info);
	char path[PATH_MAX];
	__u32 zero = 0;
	char *value = NULL;
	bool found;
	int fd;

	if (!pin_path(path, pin, "maps", "meta"))
		return false;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(fd, &info, &bytes))
		value = calloc(1, info.value_size + sizeof(*meta));
	found = value && !bpf_map_lookup_elem(fd, &zero, value);
	if (found)
		memcpy(meta, value, sizeof(*meta));
	free(value);
	close(fd);
	return found;
}
