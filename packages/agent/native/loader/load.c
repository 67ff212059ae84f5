// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

#define LOG_BYTES (4 << 20)
/* A busy machine takes its time to attach; then a SYN is sent again once more. */
#define REPLACING_SECONDS_MAX 120
#define SYN_SECONDS 4

static bool check_input(const struct options *options)
{
	if (!options->object || access(options->object, R_OK)) {
		complain("`--object %s` can't be read; `make build` makes it",
			 options->object ? options->object : "");
		return false;
	}
	if (!options->cgroup) {
		complain("`--cgroup PATH` is missing");
		return false;
	}
	if (options->netns && access(options->netns, R_OK)) {
		complain("`--netns %s`: %s", options->netns, strerror(errno));
		return false;
	}
	return true;
}

/* Is this object already in force here, with every program attached? */
static bool in_force(struct bpf_object *object, const struct options *options,
		     const struct rw_meta *wanted)
{
	struct bpf_program *program;
	struct rw_meta now = {};
	char path[PATH_MAX];

	if (!read_meta(options->pin, &now) ||
	    memcmp(now.object_sha256, wanted->object_sha256, 32) ||
	    now.scope_id != wanted->scope_id)
		return false;
	bpf_object__for_each_program(program, object) {
		const char *name = bpf_program__name(program);

		if (is_optional(name))
			continue;
		if (!pin_path(path, options->pin, "links", name) ||
		    access(path, F_OK))
			return false;
	}
	return true;
}

/* Sets of eight places: a power of two, and twice the places asked for. */
static __u32 sets_for(__u32 connections)
{
	__u32 sets = 2;

	while (sets < connections / 4)
		sets *= 2;
	return sets;
}

static bool configure(struct bpf_object *object, const struct options *options,
		      const struct rw_meta *meta)
{
	__u64 scope = meta->scope_level ? meta->scope_id : 0;
	__u8 reset = meta->refuse_with_reset;
	__u32 sets = sets_for(options->connections);
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		if (!strncmp(bpf_map__name(map), "flows_", 6))
			bpf_map__set_max_entries(map, options->flow_entries);
		if (!strcmp(bpf_map__name(map), "connections"))
			bpf_map__set_max_entries(map, sets);
		if (!strcmp(bpf_map__name(map), "past_verdicts"))
			bpf_map__set_max_entries(
				map, bpf_map__max_entries(map) *
					     libbpf_num_possible_cpus());
	}
	for (int i = 0; optional_programs[i]; i++) {
		program = bpf_object__find_program_by_name(
			object, optional_programs[i]);
		if (program)
			bpf_program__set_autoload(program,
						  meta->optional[i].loaded);
	}
	if (options->reply_seconds &&
	    (!set_constant(object, "reply_seconds", &options->reply_seconds,
			   sizeof(options->reply_seconds)) ||
	     !set_constant(object, "reply_answered_seconds",
			   &options->reply_seconds,
			   sizeof(options->reply_seconds))))
		return false;
	return set_constant(object, "scope_id", &scope, sizeof(scope)) &&
	       set_constant(object, "connection_sets", &sets, sizeof(sets)) &&
	       set_constant(object, "scope_level", &meta->scope_level,
			    sizeof(meta->scope_level)) &&
	       set_constant(object, "kernel_hz", &meta->hz, sizeof(meta->hz)) &&
	       set_constant(object, "refuse_with_reset", &reset, sizeof(reset));
}

/* The kernel counts from 300 s before 2^32. */
static __u64 jiffies_at(const struct rw_meta *meta, int seconds)
{
	struct timespec up;

	clock_gettime(CLOCK_MONOTONIC, &up);
	return (__u32)(-300 * (int)meta->hz) +
	       (up.tv_sec + seconds) * (__u64)meta->hz;
}

/*
 * What the programs before these remembered outside of maps is not known: that
 * a SYN was held just now, something refused. Without it a held SYN would leave
 * unjudged. Set just before the programs are attached: the verifier may take
 * longer than a hold lasts.
 */
static bool take_over(struct bpf_object *object, const struct rw_meta *meta)
{
	__u64 held = jiffies_at(meta, -1); /* never ahead of the clock */
	__u32 yes = 1;

	return set_variable(object, "last_hold_jiffies", &held, sizeof(held)) &&
	       set_variable(object, "placeless_any", &yes, sizeof(yes)) &&
	       set_variable(object, "refused_any", &yes, sizeof(yes)) &&
	       set_variable(object, "arrived_any", &yes, sizeof(yes));
}

/* How long a SYN of which nothing is known waits for what is taken over. */
static bool wait_for_more(struct bpf_object *object, const struct rw_meta *meta,
			  int seconds)
{
	__u64 until = jiffies_at(meta, seconds);

	return set_variable(object, "taken_over_until_jiffies", &until,
			    sizeof(until));
}

static int load_object(struct bpf_object *object)
{
	char *log = calloc(1, LOG_BYTES);
	struct bpf_program *program;
	int error;

	if (!log)
		return EXIT_FAILED;
	bpf_object__for_each_program(program, object)
		bpf_program__set_log_buf(program, log, LOG_BYTES);
	error = bpf_object__load(object);
	if (error)
		complain("the kernel does not take the programs: %s: %s",
			 strerror(-error), verifier_reason(log));
	free(log);
	return error ? EXIT_FAILED : 0;
}

/* Identity before verdicts: the tracepoints are in place when hooks begin. */
static int attach_all(struct bpf_object *object, const struct options *options,
		      const struct scope *scope)
{
	struct bpf_program *program;

	for (int tracing = 1; tracing >= 0; tracing--) {
		bpf_object__for_each_program(program, object) {
			bool is_tracing = bpf_program__type(program) ==
					  BPF_PROG_TYPE_TRACING;
			int error;

			if (is_tracing != tracing ||
			    !bpf_program__autoload(program))
				continue;
			error = attach_program(object, program, options,
					       scope);
			if (error) {
				complain("can't attach `%s`: %s",
					 bpf_program__name(program),
					 strerror(-error));
				return EXIT_FAILED;
			}
		}
	}
	return 0;
}

/* In place of other programs: with what they knew, and without a gap. */
static int replace_all(struct bpf_object *object, const struct options *options,
		       const struct scope *scope, const struct rw_meta *meta)
{
	int error = carry_maps(object, options, false);

	if (!error && (!take_over(object, meta) ||
		       !wait_for_more(object, meta, REPLACING_SECONDS_MAX)))
		error = EXIT_FAILED;
	if (!error)
		error = attach_all(object, options, scope);
	if (!error)
		error = carry_maps(object, options, true);
	if (!error && !wait_for_more(object, meta, SYN_SECONDS))
		error = EXIT_FAILED;
	return error;
}

static int write_meta(struct bpf_object *object, const struct rw_meta *meta)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, "meta");
	__u32 zero = 0;

	if (!map || bpf_map_update_elem(bpf_map__fd(map), &zero, meta, BPF_ANY)) {
		complain("can't write the map `meta`: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return 0;
}

static int load_into(struct bpf_object *object, const struct options *options,
		     const struct scope *scope, struct rw_meta *meta)
{
	bool fresh = access(options->pin, F_OK);
	struct rw_meta former = {};
	int error;

	meta->hz = probe_hz();
	meta->refuse_with_reset = probe_set_retval();
	try_optional(options, meta);
	if (read_meta(options->pin, &former) &&
	    former.layout_version != RW_LAYOUT_VERSION) {
		const char *age = former.layout_version > RW_LAYOUT_VERSION ?
					  "newer" : "older";

		complain("the programs pinned at `%s` are of a%s %s version, "
			 "and stay: run the %s agent, or take them out with "
			 "`ringwall agent uninstall` first", options->pin,
			 *age == 'o' ? "n" : "", age, age);
		return EXIT_USAGE;
	}
	if (!configure(object, options, meta)) {
		complain("`%s` is not an object of this loader's version",
			 options->object);
		return EXIT_USAGE;
	}
	error = make_place(options->pin);
	if (error)
		return error;
	reuse_maps(object, options);
	error = load_object(object);
	if (!error)
		error = former.layout_version ?
				replace_all(object, options, scope, meta) :
				attach_all(object, options, scope);
	if (!error)
		error = pin_maps(object, options);
	if (!error)
		error = write_meta(object, meta);
	if (error && fresh)
		clear_place(options->pin);
	return error;
}

/* Not an error: refusals are slower without. */
static void warn_devices(int error)
{
	if (error)
		complain("inbound refusals take a second: can't attach to all "
			 "network devices: %s", strerror(-error));
}

int command_load(const struct options *options)
{
	struct scope scope = { .fd = -1 };
	struct bpf_object *object;
	struct rw_meta meta = { .layout_version = RW_LAYOUT_VERSION };
	int lock, error;

	if (!check_input(options))
		return EXIT_USAGE;
	error = find_scope(options->cgroup, &scope);
	if (error)
		return error;
	meta.scope_id = scope.id;
	meta.scope_level = scope.level;
	object = bpf_object__open(options->object);
	if (!object || !sha256_file(options->object, meta.object_sha256)) {
		complain("`--object %s` is not an eBPF object", options->object);
		return EXIT_USAGE;
	}
	lock = lock_place(options->pin);
	if (lock < 0)
		return EXIT_FAILED;
	if (!in_force(object, options, &meta))
		error = load_into(object, options, &scope, &meta);
	if (!error)
		warn_devices(attach_devices(options));
	close(lock);
	bpf_object__close(object);
	close(scope.fd);
	return error ? error : options->json ? command_status(options) : 0;
}
