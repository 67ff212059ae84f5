// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Optional programs are decided by loading them, one by one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"

#define LOG_BYTES (1 << 20)

const char *const optional_programs[] = { "reset_refused", "dump_tasks",
					  "judge_at_device", "judge_again",
					  "adopt", "exec_check", "guard_open",
					  "guard_truncate", "guard_rename",
					  "guard_unlink", "on_cgroup_made",
					  "on_cgroup_gone", "prove_datagrams",
					  "read_datagrams", "prove_listeners",
					  "listen_check", "packet_socket",
					  "guard_options", "judge_frames_out",
					  "guard_memory", "dump_bound",
					  NULL };

bool is_optional(const char *name)
{
	for (int i = 0; optional_programs[i]; i++)
		if (!strcmp(name, optional_programs[i]))
			return true;
	return false;
}

const char *verifier_reason(char *log)
{
	const char *reason = "";
	char *rest = log, *line;

	while ((line = strsep(&rest, "\n"))) {
		if (!*line || !strncmp(line, "processed ", 10) ||
		    !strncmp(line, "verification time", 17) ||
		    !strncmp(line, "stack depth", 11))
			continue;
		reason = line;
	}
	return reason;
}

/* Maps as small as they can be: this load is thrown away. */
static void shrink_maps(struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		if (bpf_map__type(map) == BPF_MAP_TYPE_HASH ||
		    bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH)
			bpf_map__set_max_entries(map, 64);
}

static struct bpf_program *program_of(struct bpf_object *object,
				      const char *name)
{
	return bpf_object__find_program_by_name(object, name);
}

static bool is_lsm(const struct bpf_program *program)
{
	return program && bpf_program__type(program) == BPF_PROG_TYPE_LSM;
}

static const struct rw_optional_program *lsm_refused;

static void try_one(const char *path, struct rw_optional_program *out)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_program *program;
	char *log = calloc(1, LOG_BYTES);
	const char *reason;
	bool lsm = false;
	int error;

	if (!object || !log) {
		snprintf(out->why, sizeof(out->why), "out of memory");
		goto out;
	}
	lsm = is_lsm(program_of(object, out->name));
	if (lsm && lsm_refused) {
		/* One reason holds for all of them. */
		snprintf(out->why, sizeof(out->why), "%s", lsm_refused->why);
		goto out;
	}
	shrink_maps(object);
	bpf_object__for_each_program(program, object) {
		bool wanted = !strcmp(bpf_program__name(program), out->name);

		bpf_program__set_autoload(program, wanted);
		if (wanted)
			bpf_program__set_log_buf(program, log, LOG_BYTES);
	}
	error = bpf_object__load(object);
	out->loaded = !error && !(lsm && !lsm_is_called());
	if (!error && !out->loaded)
		snprintf(out->why, sizeof(out->why),
			 "the kernel does not call it: `bpf` is not among the "
			 "LSMs turned on (boot parameter lsm=)");
	if (error) {
		reason = verifier_reason(log);
		snprintf(out->why, sizeof(out->why), "%s%s%s",
			 strerror(-error), *reason ? ": " : "", reason);
	}
	if (lsm && !out->loaded)
		lsm_refused = out;
out:
	free(log);
	bpf_object__close(object);
}

static int be_quiet(enum libbpf_print_level level, const char *format,
		    va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

int try_optional(const struct options *options, struct rw_meta *meta)
{
	libbpf_print_fn_t before = libbpf_set_print(be_quiet);
	int count = 0;

	for (; optional_programs[count]; count++) {
		struct rw_optional_program *one = &meta->optional[count];

		snprintf(one->name, sizeof(one->name), "%s",
			 optional_programs[count]);
		if (options->without && !strcmp(options->without, one->name))
			snprintf(one->why, sizeof(one->why),
				 "left out by --without");
		else
			try_one(options->object, one);
	}
	libbpf_set_print(before);
	return count;
}
