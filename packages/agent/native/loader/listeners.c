// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Has listeners that are older than the programs answer with proofs, where the
 * kernel can: reads the pinned iterator in the namespace of the sockets and
 * prints the ports, one a line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

/* The iterator runs as it is read. */
static int print_ports(const char *path)
{
	int link = bpf_obj_get(path);
	int iterator = link < 0 ? -1 : bpf_iter_create(link);
	ssize_t bytes = iterator < 0 ? -1 : 0;
	int error = errno;
	__u32 ports[256];

	while (iterator >= 0 &&
	       (bytes = read(iterator, ports, sizeof(ports))) > 0)
		for (size_t i = 0; i < bytes / sizeof(*ports); i++)
			printf("%u\n", ports[i]);
	if (bytes < 0 && iterator >= 0)
		error = errno;
	if (iterator >= 0)
		close(iterator);
	if (link >= 0)
		close(link);
	return bytes < 0 ? -error : 0;
}

/* A process of its own: it need not find back to where it came from. */
int command_listeners(const struct options *options)
{
	char path[PATH_MAX];
	int error;

	if (!pin_path(path, options->pin, "iter", LISTENERS_PROGRAM))
		return EXIT_USAGE;
	/* This kernel does not take the program: nobody is made to prove. */
	if (access(path, F_OK))
		return EXIT_FINE;
	error = options->netns ? enter_netns(options->netns) : 0;
	if (!error)
		error = print_ports(path);
	if (!error)
		return EXIT_FINE;
	complain("can't make older listeners prove themselves: %s",
		 strerror(-error));
	return EXIT_FAILED;
}
