// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Takes what is in pinned maps over into maps of another layout, before the
 * programs that look there are attached, and once more after: what the programs
 * before them wrote meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "loader.h"

/* What may begin empty, and what that means. */
static const struct {
	const char *map, *lost;
} may_begin_empty[] = {
	{ "connections", "what is being opened is refused once" },
	{ "bound_sockets", "who listens is found by the agent again" },
	{ "arrivals", "handshakes that run are judged again" },
	{ "datagrams", "datagrams under way are judged again" },
	{ "refused_packets", "refused packets may be counted twice" },
	{ "proof_waits", "what waits for a proof waits anew" },
	{ "used_proofs", "a handshake of the last three minutes could be "
			 "played again" },
	{ "datagram_proofs", "datagrams under way are proved again" },
	{ "events", "events that no agent has taken are lost" },
	{ "dns_events", "answers that no agent has taken are lost" },
	{ "dns_times", "answers that no agent has taken are lost" },
	{ "differences", "counts of the draft begin anew" },
	{ "shadow", "the draft ends" },
	{ "flows_0", "flows that no agent has taken are lost" },
	{ "flows_1", "flows that no agent has taken are lost" },
	{ "counters", "counters begin anew" },
	{ "routine", "executions are told again" },
	{ "throttle", "what was told may be told again" },
	{ "inbound_work", NULL },
	{ "proof_work", NULL },
	{ "exec_scratch", NULL },
	{ "ticks", NULL },
	{ "flow_buffers", NULL },
	{ "meta", NULL },
};

struct carrying {
	struct bpf_map *map;
	int from, to;
	struct bpf_map_info former;
	struct side old_key, old_value, new_key, new_value;
	bool again; /* only what is missing */
};

static bool is_zero(const void *data, size_t bytes)
{
	const char *at = data;

	return !bytes || (!*at && !memcmp(at, at + 1, bytes - 1));
}

static bool as_now(const struct side *to, const struct side *from, void *out,
		   size_t bytes, const void *in, size_t former)
{
	memset(out, 0, bytes);
	if (to->btf && from->btf && to->type && from->type)
		return convert(to, from, out, in);
	if (bytes != former)
		return false;
	memcpy(out, in, bytes);
	return true;
}

/* One entry; `data` has room for both keys and both values. */
static int carry_entry(const struct carrying *one, const void *key, char *data)
{
	__u32 key_bytes = bpf_map__key_size(one->map);
	__u32 value_bytes = bpf_map__value_size(one->map);
	char *value = data + key_bytes, *before = value + value_bytes;
	bool counted = bpf_map__type(one->map) == BPF_MAP_TYPE_ARRAY;

	if (bpf_map_lookup_elem(one->from, key, before))
		return 0; /* it went meanwhile */
	if (counted && is_zero(before, one->former.value_size))
		return 0;
	if (!as_now(&one->new_key, &one->old_key, data, key_bytes, key,
		    one->former.key_size) ||
	    !as_now(&one->new_value, &one->old_value, value, value_bytes,
		    before, one->former.value_size))
		return -EINVAL;
	if (!bpf_map_update_elem(one->to, data, value,
				 one->again ? BPF_NOEXIST : BPF_ANY) ||
	    errno == EEXIST)
		return 0;
	return -errno;
}

static int carry_entries(const struct carrying *one)
{
	__u32 key_bytes = one->former.key_size;
	char *data = calloc(1, bpf_map__key_size(one->map) +
				       bpf_map__value_size(one->map) +
				       one->former.value_size);
	char *key = calloc(2, key_bytes), *next = key + key_bytes;
	/* A map that changes meanwhile may begin anew. */
	__u64 left = 2ULL * one->former.max_entries;
	int error = data && key ? 0 : -ENOMEM;

	if (!error && one->old_key.btf && one->new_key.btf &&
	    one->old_key.type && one->new_key.type &&
	    !same_fields(&one->new_key, &one->old_key))
		error = -EINVAL;
	for (bool first = true; !error && left--; first = false) {
		if (bpf_map_get_next_key(one->from, first ? NULL : key, next))
			break;
		memcpy(key, next, key_bytes);
		error = carry_entry(one, key, data);
	}
	free(data);
	free(key);
	return error;
}

/* The maps in a map of maps are the same ones from now on. */
static int carry_inner(const struct carrying *one)
{
	for (__u32 i = 0; i < one->former.max_entries; i++) {
		__u32 id;
		int fd, error;

		if (bpf_map_lookup_elem(one->from, &i, &id))
			continue;
		fd = bpf_map_get_fd_by_id(id);
		if (fd < 0)
			return fd;
		error = bpf_map_update_elem(one->to, &i, &fd, BPF_ANY);
		close(fd);
		if (error)
			return -errno;
	}
	return 0;
}

static int carry_counters(const struct carrying *one)
{
	__u32 entries = bpf_map__max_entries(one->map);
	int cpus = libbpf_num_possible_cpus();
	__u64 *values;
	int error = 0;

	if (one->former.value_size != sizeof(*values) ||
	    bpf_map__value_size(one->map) != sizeof(*values) || cpus < 1)
		return -EINVAL;
	values = calloc(cpus, sizeof(*values));
	for (__u32 i = 0; values && !error && i < entries; i++)
		if (!bpf_map_lookup_elem(one->from, &i, values) &&
		    bpf_map_update_elem(one->to, &i, values, BPF_ANY))
			error = -errno;
	free(values);
	return values ? error : -ENOMEM;
}

/* Where a field of a set begins, and one of its places; 0: nowhere. */
static __u32 field_of(const struct side *set, const char *name, __u32 *step)
{
	int id = btf__resolve_type(set->btf, set->type);
	const struct btf_type *type = btf__type_by_id(set->btf, id);
	const struct btf_member *member =
		type && btf_is_struct(type) ? find_member(set->btf, type, name) :
					      NULL;
	const struct btf_type *array =
		member ? btf__type_by_id(set->btf, member->type) : NULL;

	if (!array || !btf_is_array(array))
		return 0;
	*step = btf__resolve_size(set->btf, btf_array(array)->type);
	return member->offset / 8;
}

/* Places of sockets that were met while the programs changed; false: none. */
static bool add_missing(const struct side *side, char *now, const char *before)
{
	__u32 each = 0, word = 0;
	__u32 cookies = field_of(side, "cookies", &word);
	__u32 claims = field_of(side, "claims", &word);
	__u32 places = field_of(side, "places", &each);
	bool added = false;

	if (!cookies || !claims || !places || word != sizeof(__u64))
		return false;
	for (__u32 i = 0; i < (places - claims) / word; i++) {
		__u64 *claim = (__u64 *)(now + claims) + i;
		__u64 *cookie = (__u64 *)(now + cookies) + i;
		__u64 former = ((__u64 *)(before + cookies))[i];

		if (!former || *claim)
			continue;
		memcpy(now + places + i * each, before + places + i * each,
		       each);
		*claim = *cookie = former;
		added = true;
	}
	return added;
}

static int carry_late_connections(const struct carrying *one)
{
	__u32 bytes = bpf_map__value_size(one->map);
	char *data = calloc(2, bytes), *now = data + bytes;
	char *before = calloc(1, one->former.value_size);

	for (__u32 i = 0; data && before && i < one->former.max_entries; i++)
		if (!bpf_map_lookup_elem(one->from, &i, before) &&
		    !is_zero(before, one->former.value_size) &&
		    as_now(&one->new_value, &one->old_value, data, bytes,
			   before, one->former.value_size) &&
		    !bpf_map_lookup_elem(one->to, &i, now) &&
		    add_missing(&one->new_value, now, data))
			bpf_map_update_elem(one->to, &i, now, BPF_F_LOCK);
	free(data);
	free(before);
	return 0;
}

/* Another number of sets has each socket in another one. */
static int carry_connections(const struct carrying *one)
{
	if (one->former.max_entries != bpf_map__max_entries(one->map))
		return -EINVAL;
	return one->again ? carry_late_connections(one) : carry_entries(one);
}

static int carry_by_type(const struct carrying *one)
{
	if (!strcmp(bpf_map__name(one->map), "connections"))
		return carry_connections(one);
	switch (bpf_map__type(one->map)) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
		return carry_entries(one);
	case BPF_MAP_TYPE_ARRAY:
		return one->again ? 0 : carry_entries(one);
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		return one->again ? 0 : carry_inner(one);
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return one->again ? 0 : carry_counters(one);
	default:
		return -EINVAL;
	}
}

static int tell(const struct carrying *one, int error)
{
	const char *name = bpf_map__name(one->map);

	for (size_t i = 0;
	     i < sizeof(may_begin_empty) / sizeof(*may_begin_empty); i++) {
		if (strcmp(may_begin_empty[i].map, name))
			continue;
		if (may_begin_empty[i].lost && !one->again)
			complain("the map `%s` has another layout and begins "
				 "empty: %s", name, may_begin_empty[i].lost);
		return 0;
	}
	complain("the map `%s` has another layout that can't be taken over "
		 "(%s): the programs in force stay; go back to the version "
		 "they are of, or take them out with `ringwall agent "
		 "uninstall` first", name, strerror(-error));
	return EXIT_FAILED;
}

static int carry_map(struct bpf_object *object, struct bpf_map *map, int from,
		     bool again)
{
	struct carrying one = { .map = map, .from = from,
				.to = bpf_map__fd(map), .again = again };
	const struct btf *btf = bpf_object__btf(object);
	__u32 bytes = sizeof(one.former);
	struct btf *former = NULL;
	int error = -EINVAL;

	if (bpf_obj_get_info_by_fd(from, &one.former, &bytes))
		return tell(&one, -errno);
	if (one.former.btf_id)
		former = btf__load_from_kernel_by_id(one.former.btf_id);
	one.old_key = (struct side){ former, one.former.btf_key_type_id };
	one.old_value = (struct side){ former, one.former.btf_value_type_id };
	one.new_key = (struct side){ btf, bpf_map__btf_key_type_id(map) };
	one.new_value = (struct side){ btf, bpf_map__btf_value_type_id(map) };
	if (one.former.type == bpf_map__type(map))
		error = carry_by_type(&one);
	btf__free(former);
	return error ? tell(&one, error) : 0;
}

int carry_maps(struct bpf_object *object, const struct options *options,
	       bool again)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	int error = 0;

	bpf_object__for_each_map(map, object) {
		const char *name = bpf_map__name(map);
		int from;

		if (!is_shared(map) || !strcmp(name, "meta") ||
		    !strcmp(name, "flow_buffers") ||
		    !pin_path(path, options->pin, "maps", name) ||
		    is_pinned(map, path))
			continue;
		from = bpf_obj_get(path);
		if (from < 0)
			continue;
		error = carry_map(object, map, from, again);
		close(from);
		if (error)
			break;
	}
	return error;
}
