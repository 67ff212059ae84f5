// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* One pinned link for each program. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

#define LOOKUP_PROGRAM "reset_refused"
#define BOUND_PROGRAM "dump_bound"

/* Cgroup and netns links change their program in one step. */
static bool update_link(const char *path, struct bpf_program *program)
{
	int link = bpf_obj_get(path);
	int error;

	if (link < 0)
		return false;
	error = bpf_link_update(link, bpf_program__fd(program), NULL);
	close(link);
	return !error;
}

static struct bpf_link *attach_netns(struct bpf_program *program,
				     const char *path)
{
	int fd = open(path ? path : "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct bpf_link *link;
	int error;

	if (fd < 0)
		return NULL;
	link = bpf_program__attach_netns(program, fd);
	error = errno;
	close(fd);
	errno = error;
	return link;
}

unsigned long netns_inode(const char *path)
{
	struct stat info;

	return stat(path, &info) ? 0 : info.st_ino;
}

/* The program of a pinned link. */
static int program_behind(const char *path, struct bpf_link_info *info)
{
	__u32 bytes = sizeof(*info);
	int link = bpf_obj_get(path);
	int error;

	if (link < 0)
		return -errno;
	error = bpf_obj_get_info_by_fd(link, info, &bytes);
	close(link);
	return error ? -errno : bpf_prog_get_fd_by_id(info->prog_id);
}

/* Links in namespaces that are gone have no place any more. */
static void forget_lookups(const char *pin)
{
	char directory[PATH_MAX], path[PATH_MAX];
	struct dirent *entry;
	DIR *listing;

	if (!pin_path(directory, pin, "links", NULL))
		return;
	listing = opendir(directory);
	while (listing && (entry = readdir(listing))) {
		struct bpf_link_info info = {};
		int program;

		if (strncmp(entry->d_name, LOOKUP_PROGRAM "-",
			    sizeof(LOOKUP_PROGRAM)) ||
		    !pin_path(path, pin, "links", entry->d_name))
			continue;
		program = program_behind(path, &info);
		if (program >= 0)
			close(program);
		if (!info.netns.netns_ino)
			unlink(path);
	}
	if (listing)
		closedir(listing);
}

static int link_lookup(int program, const char *netns, const char *path)
{
	int namespace = open(netns, O_RDONLY | O_CLOEXEC);
	int link, error = 0;

	if (namespace < 0)
		return -errno;
	link = bpf_link_create(program, namespace, BPF_SK_LOOKUP, NULL);
	close(namespace);
	if (link < 0)
		return link;
	if (!replace_pin(link, path))
		error = -errno;
	close(link);
	return error;
}

/*
 * Refusals are answered in another network namespace as in the first one. Where
 * this kernel does not take the program, there is nothing to attach.
 */
int attach_lookup(const struct options *options)
{
	struct bpf_link_info info = {};
	char home[PATH_MAX], path[PATH_MAX], name[64];
	int program, link, error;

	forget_lookups(options->pin);
	if (!pin_path(home, options->pin, "links", LOOKUP_PROGRAM))
		return -ENAMETOOLONG;
	program = program_behind(home, &info);
	if (program == -ENOENT)
		return 0;
	if (program < 0)
		return program;
	error = 0;
	snprintf(name, sizeof(name), LOOKUP_PROGRAM "-%lu",
		 netns_inode(options->netns));
	if (info.netns.netns_ino == netns_inode(options->netns) ||
	    !pin_path(path, options->pin, "links", name)) {
		close(program);
		return 0;
	}
	link = bpf_obj_get(path);
	if (link >= 0) {
		error = bpf_link_update(link, program, NULL);
		close(link);
	} else {
		error = link_lookup(program, options->netns, path);
	}
	close(program);
	return error;
}

static bool is_iterator(const struct bpf_program *program)
{
	return bpf_program__expected_attach_type(program) == BPF_TRACE_ITER;
}

/* One of them goes through a map. */
static struct bpf_link *attach_iterator(struct bpf_object *object,
					struct bpf_program *program)
{
	union bpf_iter_link_info info = {
		.map.map_fd = bpf_object__find_map_fd_by_name(object,
							      "bound_sockets"),
	};
	LIBBPF_OPTS(bpf_iter_attach_opts, over, .link_info = &info,
		    .link_info_len = sizeof(info));
	bool is_bound = !strcmp(bpf_program__name(program), BOUND_PROGRAM);

	return bpf_program__attach_iter(program, is_bound ? &over : NULL);
}

static struct bpf_link *attach(struct bpf_object *object,
			       struct bpf_program *program,
			       const struct options *options,
			       const struct scope *scope)
{
	switch (bpf_program__type(program)) {
	case BPF_PROG_TYPE_SK_LOOKUP:
		return attach_netns(program, options->netns);
	case BPF_PROG_TYPE_TRACING:
		if (is_iterator(program))
			return attach_iterator(object, program);
		return bpf_program__attach(program);
	case BPF_PROG_TYPE_LSM:
		return bpf_program__attach(program);
	default:
		return bpf_program__attach_cgroup(program, scope->fd);
	}
}

int attach_program(struct bpf_object *object, struct bpf_program *program,
		   const struct options *options, const struct scope *scope)
{
	const char *name = bpf_program__name(program);
	struct bpf_link *link;
	char path[PATH_MAX];
	int error = 0;

	if (bpf_program__type(program) == BPF_PROG_TYPE_SCHED_CLS)
		return pin_device_program(program, options->pin);
	if (!pin_path(path, options->pin,
		      is_iterator(program) ? "iter" : "links", name))
		return -ENAMETOOLONG;
	if (bpf_program__type(program) != BPF_PROG_TYPE_TRACING &&
	    bpf_program__type(program) != BPF_PROG_TYPE_LSM &&
	    update_link(path, program))
		return 0;
	/* Tracing links can't: for a moment both programs run, which is idle. */
	link = attach(object, program, options, scope);
	if (!link)
		return errno ? -errno : -EINVAL;
	if (!replace_pin(bpf_link__fd(link), path))
		error = -errno;
	bpf_link__destroy(link);
	return error;
}
