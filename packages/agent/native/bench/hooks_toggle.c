// SPDX-License-Identifier: Apache-2.0
/*
 * hooks-toggle OBJECT CGROUP: loads the programs of an object, prints "ready",
 * and for each line on standard input attaches all of them to the control
 * group ("on") or detaches them ("off"), and prints "done"; for "checked" it
 * prints what the object's map of that name has counted.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define LINKS_MAX 16

static struct bpf_link *links[LINKS_MAX];
static int attached;

static void attach(struct bpf_object *object, int cgroup)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object) {
		if (attached == LINKS_MAX)
			errx(1, "more than %d programs", LINKS_MAX);
		links[attached] = bpf_program__attach_cgroup(program, cgroup);
		if (!links[attached])
			err(1, "attach %s", bpf_program__name(program));
		attached++;
	}
}

static void detach(void)
{
	while (attached > 0)
		bpf_link__destroy(links[--attached]);
}

static void print_checked(struct bpf_object *object)
{
	int map = bpf_object__find_map_fd_by_name(object, "checked");
	unsigned long long count;
	unsigned int zero = 0;

	if (map < 0 || bpf_map_lookup_elem(map, &zero, &count))
		errx(1, "no map of what was checked");
	printf("%llu\n", count);
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	char line[16];
	int cgroup;

	if (argc != 3)
		errx(2, "usage: hooks-toggle OBJECT CGROUP");
	object = bpf_object__open(argv[1]);
	cgroup = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!object || cgroup < 0 || bpf_object__load(object))
		err(1, "load");
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "checked\n")) {
			print_checked(object);
			continue;
		}
		detach();
		if (!strcmp(line, "on\n"))
			attach(object, cgroup);
		puts("done");
	}
	return 0;
}
