// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Every network namespace of the machine that has a process or a name. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"

#define NAMED_PATH "/run/netns"

struct walk {
	unsigned long *seen; /* inodes */
	size_t count, room;
	const struct options *options;
	void (*visit)(const struct options *inside);
};

static bool is_new(struct walk *walk, unsigned long inode)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->seen[i] == inode)
			return false;
	if (walk->count == walk->room) {
		size_t room = walk->room ? 2 * walk->room : 64;
		unsigned long *more = reallocarray(walk->seen, room,
						   sizeof(*more));

		if (!more)
			return false;
		walk->seen = more;
		walk->room = room;
	}
	walk->seen[walk->count++] = inode;
	return true;
}

static void visit_path(struct walk *walk, const char *path)
{
	struct options inside = *walk->options;
	unsigned long inode = netns_inode(path);

	if (!inode || !is_new(walk, inode))
		return;
	inside.netns = path;
	walk->visit(&inside);
}

static void visit_below(struct walk *walk, const char *folder,
			const char *within)
{
	DIR *listing = opendir(folder);
	struct dirent *entry;
	char path[PATH_MAX];
	int length;

	while (listing && (entry = readdir(listing))) {
		length = snprintf(path, sizeof(path), "%s/%s%s", folder,
				  entry->d_name, within);
		if (entry->d_name[0] != '.' && length < PATH_MAX)
			visit_path(walk, path);
	}
	if (listing)
		closedir(listing);
}

void each_netns(const struct options *options,
		void (*visit)(const struct options *inside))
{
	struct walk walk = { .options = options, .visit = visit };

	visit_below(&walk, "/proc", "/ns/net");
	visit_below(&walk, NAMED_PATH, "");
	free(walk.seen);
}
