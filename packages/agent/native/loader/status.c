// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What is loaded, and what this kernel does not take, in words or JSON. */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static bool program_of(const char *path, struct bpf_prog_info *out)
{
	struct bpf_link_info link = {};
	__u32 bytes = sizeof(link);
	int fd = bpf_obj_get(path);
	int program = -1;
	bool found;

	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(fd, &link, &bytes) && link.prog_id)
		program = bpf_prog_get_fd_by_id(link.prog_id);
	bytes = sizeof(*out);
	found = program >= 0 && !bpf_obj_get_info_by_fd(program, out, &bytes);
	if (program >= 0)
		close(program);
	close(fd);
	return found;
}

static void print_program(const char *name, const struct bpf_prog_info *info,
			  bool first, bool json)
{
	if (json)
		printf("%s{\"name\":\"%s\",\"instructionsVerified\":%u}",
		       first ? "" : ",", name, info->verified_insns);
	else
		printf("  %-16s attached, %u instructions verified\n", name,
		       info->verified_insns);
}

/* A program that has no link of its own. */
static bool print_pinned(const char *pin, const char *name, bool first,
			 bool json)
{
	struct bpf_prog_info info = {};
	__u32 bytes = sizeof(info);
	char path[PATH_MAX];
	bool found;
	int fd = -1;

	if (pin_path(path, pin, "devices", name))
		fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	found = !bpf_obj_get_info_by_fd(fd, &info, &bytes);
	if (found)
		print_program(name, &info, first, json);
	close(fd);
	return found;
}

static void print_programs(const char *pin, bool json)
{
	char path[PATH_MAX], directory[PATH_MAX];
	struct dirent *entry;
	bool first = true;
	DIR *listing;

	if (!pin_path(directory, pin, "links", NULL))
		return;
	listing = opendir(directory);
	while (listing && (entry = readdir(listing))) {
		struct bpf_prog_info info = {};

		if (entry->d_name[0] == '.' ||
		    !pin_path(path, pin, "links", entry->d_name) ||
		    !program_of(path, &info))
			continue;
		print_program(entry->d_name, &info, first, json);
		first = false;
	}
	if (listing)
		closedir(listing);
	if (print_pinned(pin, DEVICE_PROGRAM, first, json))
		first = false;
	if (print_pinned(pin, FRAMES_PROGRAM, first, json))
		first = false;
	if (print_pinned(pin, CUT_PROGRAM, first, json))
		first = false;
	print_pinned(pin, ADOPT_PROGRAM, first, json);
}

static void print_optional(const struct rw_meta *meta, bool json)
{
	for (int i = 0; i < RW_OPTIONAL_PROGRAMS_MAX; i++) {
		const struct rw_optional_program *one = &meta->optional[i];

		if (!one->name[0])
			break;
		if (!json) {
			printf("  %-16s %s%s\n", one->name,
			       one->loaded ? "available" : "not here: ",
			       one->why);
			continue;
		}
		printf("%s{\"name\":", i ? "," : "");
		print_json_string(one->name);
		printf(",\"loaded\":%s,\"why\":",
		       one->loaded ? "true" : "false");
		print_json_string(one->why);
		putchar('}');
	}
}

static void print_json(const struct options *options,
		       const struct rw_meta *meta)
{
	printf("{\"loaded\":true,\"level\":\"core\",\"object\":\"");
	for (int i = 0; i < 32; i++)
		printf("%02x", meta->object_sha256[i]);
	printf("\",\"cgroup\":{\"id\":\"%llu\",\"level\":%u},\"hz\":%u,"
	       "\"refusesWithReset\":%s,\"programs\":[",
	       (unsigned long long)meta->scope_id, meta->scope_level, meta->hz,
	       meta->refuse_with_reset ? "true" : "false");
	print_programs(options->pin, true);
	printf("],\"optional\":[");
	print_optional(meta, true);
	printf("]}\n");
}

int command_status(const struct options *options)
{
	struct rw_meta meta = {};

	if (!read_meta(options->pin, &meta)) {
		if (options->json)
			printf("{\"loaded\":false}\n");
		else
			complain("nothing is pinned at `%s`", options->pin);
		return EXIT_FAILED;
	}
	if (options->json) {
		print_json(options, &meta);
		return EXIT_FINE;
	}
	printf("capability level core, tick rate %u, refusals at connect() are %s\n",
	       meta.hz, meta.refuse_with_reset ? "ECONNREFUSED" : "EPERM");
	print_programs(options->pin, false);
	print_optional(&meta, false);
	return EXIT_FINE;
}
