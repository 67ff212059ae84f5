// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Pinned maps that an object goes on with, and the pins of all that it has. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

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

/*
 * Of one load are internal maps (.rodata), which have a dot in their name, and
 * what other programs have allowed: these may know better.
 */
bool is_shared(const struct bpf_map *map)
{
	return !strchr(bpf_map__name(map), '.') &&
	       strcmp(bpf_map__name(map), "past_verdicts");
}

/* Takes over pinned maps of the same layout, so that nothing known is lost. */
void reuse_maps(struct bpf_object *object, const struct options *options)
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

int pin_maps(struct bpf_object *object, const struct options *options)
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
