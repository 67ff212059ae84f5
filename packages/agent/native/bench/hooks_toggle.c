// SPDX-License-Identifier: Apache-2.0
/*
 * hooks-toggle OBJECT CGROUP: loads the programs of an object, prints "ready",
 * and for each line on standard input attaches all of them to the control
 * group ("on") or detaches them ("off"), and prints "done".
 */
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
		detach();
		if (!strcmp(line, "on\n"))
			attach(object, cgroup);
		puts("done");
	}
	return 0;
}
