// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* One pinned link for each program. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

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

static struct bpf_link *attach(struct bpf_program *program,
			       const struct options *options,
			       const struct scope *scope)
{
	switch (bpf_program__type(program)) {
	case BPF_PROG_TYPE_SK_LOOKUP:
		return attach_netns(program, options->netns);
	case BPF_PROG_TYPE_TRACING:
	case BPF_PROG_TYPE_LSM:
		return bpf_program__attach(program);
	default:
		return bpf_program__attach_cgroup(program, scope->fd);
	}
}

int attach_program(struct bpf_program *program, const struct options *options,
		   const struct scope *scope)
{
	bool iterator = bpf_program__expected_attach_type(program) ==
			BPF_TRACE_ITER;
	const char *name = bpf_program__name(program);
	struct bpf_link *link;
	char path[PATH_MAX];
	int error = 0;

	if (bpf_program__type(program) == BPF_PROG_TYPE_SCHED_CLS)
		return pin_device_program(program, options->pin);
	if (!pin_path(path, options->pin, iterator ? "iter" : "links", name))
		return -ENAMETOOLONG;
	if (bpf_program__type(program) != BPF_PROG_TYPE_TRACING &&
	    bpf_program__type(program) != BPF_PROG_TYPE_LSM &&
	    update_link(path, program))
		return 0;
	/* Tracing links can't: for a moment both programs run, which is idle. */
	link = attach(program, options, scope);
	if (!link)
		return errno ? -errno : -EINVAL;
	if (!replace_pin(bpf_link__fd(link), path))
		error = -errno;
	bpf_link__destroy(link);
	return error;
}
