// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What this kernel makes of an object: every program goes through its verifier
 * and nothing is attached or pinned. The count of instructions comes from the
 * verifier's own statistics, which 5.10 has too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/bpf.h>

#include "loader.h"

#define LOG_LEVEL_STATISTICS 4
#define LOG_BYTES (64 << 10)
#define PROGRAMS_MAX 64

struct checked {
	struct bpf_program *program;
	char *log;
};

static unsigned int instructions_in(const char *log)
{
	const char *line = strstr(log, "processed ");

	return line ? strtoul(line + strlen("processed "), NULL, 10) : 0;
}

static int watch_programs(struct bpf_object *object, struct checked *out)
{
	struct bpf_program *program;
	int count = 0;

	bpf_object__for_each_program(program, object) {
		struct checked *one = &out[count];

		if (count == PROGRAMS_MAX)
			return -E2BIG;
		one->program = program;
		one->log = calloc(1, LOG_BYTES);
		if (!one->log)
			return -ENOMEM;
		bpf_program__set_log_level(program, LOG_LEVEL_STATISTICS);
		bpf_program__set_log_buf(program, one->log, LOG_BYTES);
		count++;
	}
	return count;
}

static void skip_refused(struct bpf_object *object, const struct rw_meta *meta)
{
	for (int i = 0; i < RW_OPTIONAL_PROGRAMS_MAX; i++) {
		struct bpf_program *program = bpf_object__find_program_by_name(
			object, meta->optional[i].name);

		if (program && !meta->optional[i].loaded)
			bpf_program__set_autoload(program, false);
	}
}

static const char *why_not(const struct rw_meta *meta, const char *name)
{
	for (int i = 0; i < RW_OPTIONAL_PROGRAMS_MAX; i++)
		if (!strcmp(meta->optional[i].name, name))
			return meta->optional[i].why;
	return "";
}

static void print_checked(const struct checked *one, const struct rw_meta *meta,
			  bool first)
{
	const char *name = bpf_program__name(one->program);
	bool loaded = bpf_program__fd(one->program) >= 0;
	unsigned int instructions = instructions_in(one->log);
	const char *why = "";

	if (!loaded)
		why = bpf_program__autoload(one->program) ?
			      verifier_reason(one->log) :
			      why_not(meta, name);
	printf("%s{\"name\":", first ? "" : ",");
	print_json_string(name);
	printf(",\"loaded\":%s,\"optional\":%s,\"instructionsVerified\":%u,"
	       "\"why\":", loaded ? "true" : "false",
	       is_optional(name) ? "true" : "false", instructions);
	print_json_string(why);
	putchar('}');
}

int command_check(const struct options *options)
{
	struct checked programs[PROGRAMS_MAX] = {};
	struct bpf_object *object;
	struct rw_meta meta = {};
	struct utsname kernel;
	int count, error;

	object = options->object ? bpf_object__open(options->object) : NULL;
	if (!object) {
		complain("`--object %s` is not an eBPF object",
			 options->object ? options->object : "");
		return EXIT_USAGE;
	}
	try_optional(options, &meta);
	skip_refused(object, &meta);
	count = watch_programs(object, programs);
	error = count < 0 ? count : bpf_object__load(object);
	uname(&kernel);
	printf("{\"kernel\":");
	print_json_string(kernel.release);
	printf(",\"loaded\":%s,\"why\":", error ? "false" : "true");
	print_json_string(error ? strerror(-error) : "");
	printf(",\"programs\":[");
	for (int i = 0; i < count; i++)
		print_checked(&programs[i], &meta, !i);
	printf("]}\n");
	bpf_object__close(object);
	for (int i = 0; i < count; i++)
		free(programs[i].log);
	return error ? EXIT_FAILED : EXIT_FINE;
}
