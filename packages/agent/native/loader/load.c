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

static bool same_layout(int fd, const struct bpf_map *map)
{
	struct bpf_map_info info = {};
	__u32 bytes = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &bytes) &&
	       info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

/* Are the maps in a map of maps of the size that is asked for? */
static bool inner_fits(int fd, const struct bpf_map *map)
{
	const struct bpf_map *inner = bpf_map__inner_map((struct bpf_map *)map);
	__u32 bytes, id;

	for (__u32 i = 0; inner && i < bpf_map__max_entries(map); i++) {
		struct bpf_map_info info = {};
		int one;

		if (bpf_map_lookup_elem(fd, &i, &id))
			continue;
		one = bpf_map_get_fd_by_id(id);
		bytes = sizeof(info);
		if (one < 0 || bpf_obj_get_info_by_fd(one, &info, &bytes))
			return false;
		close(one);
		return info.key_size == bpf_map__key_size(inner) &&
		       info.value_size == bpf_map__value_size(inner);
	}
	return true;
}

static bool pinned_fits(struct bpf_object *object, const char *pin,
			const char *name)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	char path[PATH_MAX];
	bool fits;
	int fd;

	if (!map || !pin_path(path, pin, "maps", name))
		return false;
	fd = bpf_obj_get(path);
	fits = fd >= 0 && same_layout(fd, map) && inner_fits(fd, map);
	if (fd >= 0)
		close(fd);
	/* It holds two maps that have names of their own. */
	if (fits && !strcmp(name, "flow_buffers"))
		return pinned_fits(object, pin, "flows_0") &&
		       pinned_fits(object, pin, "flows_1");
	return fits;
}

/* Internal maps (.rodata) have a dot in their name and belong to one load. */
bool is_shared(const struct bpf_map *map)
{
	return !strchr(bpf_map__name(map), '.');
}

/* Takes over pinned maps of the same layout, so that nothing known is lost. */
static void reuse_maps(struct bpf_object *object, const struct options *options)
{
	struct bpf_map *map;
	char path[PATH_MAX];

	bpf_object__for_each_map(map, object) {
		const char *name = bpf_map__name(map);
		int fd;

		if (!is_shared(map) ||
		    !pinned_fits(object, options->pin, name) ||
		    !pin_path(path, options->pin, "maps", name))
			continue;
		fd = bpf_obj_get(path);
		if (fd >= 0)
			bpf_map__reuse_fd(map, fd);
		if (fd >= 0)
			close(fd);
	}
}

static __u32 map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 bytes = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &bytes) ? 0 : info.id;
}

/* A map that was taken over keeps its pin: agents know their maps by it. */
bool is_pinned(const struct bpf_map *map, const char *path)
{
	int fd = bpf_obj_get(path);
	__u32 id;

	if (fd < 0)
		return false;
	id = map_id(fd);
	close(fd);
	return id && id == map_id(bpf_map__fd(map));
}

static int pin_maps(struct bpf_object *object, const struct options *options)
{
	struct bpf_map *map;
	char path[PATH_MAX];

	bpf_object__for_each_map(map, object) {
		if (!is_shared(map))
			continue;
		if (!pin_path(path, options->pin, "maps", bpf_map__name(map)) ||
		    (!is_pinned(map, path) &&
		     !replace_pin(bpf_map__fd(map), path))) {
			complain("can't pin map `%s`: %s", bpf_map__name(map),
				 strerror(errno));
			return EXIT_FAILED;
		}
	}
	return 0;
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

/*
 * What the programs before these remembered outside of maps is not known: that
 * a SYN was held just now, a connection taken over, something refused. Without
 * it a held SYN would leave unjudged.
 */
static bool take_over(struct bpf_object *object, const struct rw_meta *meta)
{
	__u32 yes = 1;
	struct timespec up;
	__u64 held;

	clock_gettime(CLOCK_MONOTONIC, &up);
	/* The kernel counts from 300 s before 2^32; a second back is never ahead. */
	held = (__u32)(-300 * (int)meta->hz) + (up.tv_sec - 1) * (__u64)meta->hz;
	return set_variable(object, "taken_over_jiffies", &held, sizeof(held)) &&
	       set_variable(object, "last_hold_jiffies", &held, sizeof(held)) &&
	       set_variable(object, "adopted_any", &yes, sizeof(yes)) &&
	       set_variable(object, "refused_any", &yes, sizeof(yes));
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
			error = attach_program(program, options, scope);
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
	if (!configure(object, options, meta) ||
	    (former.layout_version && !take_over(object, meta))) {
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
		error = carry_maps(object, options, false);
	if (!error)
		error = attach_all(object, options, scope);
	if (!error)
		error = carry_maps(object, options, true);
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
