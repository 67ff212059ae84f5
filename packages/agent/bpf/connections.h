/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is known of connections and of datagram sockets, by the socket's cookie.
 * Sets of eight, as in a processor's cache, and not a hash map, whose updates,
 * look-ups and deletions took a connection 0.75 us at both ends together; socket
 * storage takes a microsecond at each end. A cookie has two sets.
 *
 * A place is claimed under the set's lock, filled, and then shown to readers,
 * who take no lock. What is overwritten in its place may be read half: both
 * halves say what may pass, or belong to a TCP socket, which is locked then.
 */
#ifndef RINGWALL_CONNECTIONS_H
#define RINGWALL_CONNECTIONS_H

#define CONNECTION_WAYS 8 /* a power of two */
#define CONNECTION_WAY_BITS 3
#define CONNECTION_CHOICES 2

struct connection_set {
	struct bpf_spin_lock lock; /* of `claims` */
	__u32 spilled; /* was it full once, so that some are in other sets? */
	__u64 cookies[CONNECTION_WAYS]; /* whose the places are; 0: nobody's */
	__u64 claims[CONNECTION_WAYS]; /* the same, before they are filled */
	struct connection places[CONNECTION_WAYS];
};

/* What the agent reads of a set: whose the places are. */
enum rw_connection_layout {
	RW_CONNECTION_EACH = CONNECTION_WAYS,
	RW_CONNECTION_COOKIES_AT = __builtin_offsetof(struct connection_set,
						      cookies),
	RW_CONNECTION_PROCESSES_AT =
		__builtin_offsetof(struct connection_set, places) +
		__builtin_offsetof(struct connection, process),
	RW_CONNECTION_BYTES = sizeof(struct connection),
};

/*
 * set -> connections; kernel, until the socket closes. The loader makes twice
 * the places asked for. Both sets of a socket full: counted (CONNECTIONS_FULL);
 * the verdict holds, the flow is counted as attempted and its bytes are lost, and
 * what would have to be held, or to prove itself yet, is denied.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct connection_set);
} connections SEC(".maps");

/* A power of two, and the map's size; the loader sets both. */
const volatile __u32 connection_sets = 2;

/*
 * Cookies count up, so that eight in a row share a set, and what is new lies
 * side by side: at random, each would be a miss of the processor's caches. Only
 * what finds its set full goes to one at random.
 */
static __always_inline __u32 set_of(__u64 cookie, int choice)
{
	__u32 row = choice ? cookie * 0x9e3779b97f4a7c15ULL >> 40 :
			     cookie >> CONNECTION_WAY_BITS;

	return row & (connection_sets - 1);
}

/* The place in a set that a socket has to itself among its neighbours. */
static __always_inline int way_of(__u64 cookie)
{
	return cookie & (CONNECTION_WAYS - 1);
}

/*
 * The place of a socket: its set and, in the lowest bits, its way; -1: none.
 * Global and all numbers, so that the verifier walks it once, and what follows
 * once and not for each way.
 */
__noinline int place_of(__u64 cookie)
{
	struct connection_set *set;

	if (!cookie)
		return -1;
	for (int choice = 0; choice < CONNECTION_CHOICES; choice++) {
		__u32 index = set_of(cookie, choice);

		set = bpf_map_lookup_elem(&connections, &index);
		if (!set)
			return -1;
		for (int way = 0; way < CONNECTION_WAYS; way++)
			if (set->cookies[way] == cookie)
				return index << CONNECTION_WAY_BITS | way;
		if (!set->spilled)
			break;
	}
	return -1;
}

/* Where most are found, without a call; NULL: it may lie elsewhere. */
static __always_inline struct connection *connection_at_home(__u64 cookie)
{
	__u32 index = set_of(cookie, 0);
	struct connection_set *set;

	set = bpf_map_lookup_elem(&connections, &index);
	if (!cookie || !set || set->cookies[way_of(cookie)] != cookie)
		return NULL;
	return &set->places[way_of(cookie)];
}

static __always_inline struct connection *find_connection(__u64 cookie)
{
	struct connection *home = connection_at_home(cookie);
	struct connection_set *set;
	__u32 index;
	int place;

	if (home)
		return home;
	place = place_of(cookie);
	index = (__u32)place >> CONNECTION_WAY_BITS;
	if (place < 0)
		return NULL;
	set = bpf_map_lookup_elem(&connections, &index);
	if (!set)
		return NULL;
	return &set->places[place & (CONNECTION_WAYS - 1)];
}

/* The socket's own place, or a free one that is its own now; -1: none. */
static __always_inline int claim_in(__u32 index, __u64 cookie)
{
	struct connection_set *set = bpf_map_lookup_elem(&connections, &index);
	int chosen;

	if (!set)
		return -1;
	bpf_spin_lock(&set->lock);
	chosen = set->claims[way_of(cookie)] ? -1 : way_of(cookie);
	for (int way = 0; way < CONNECTION_WAYS; way++) {
		if (set->claims[way] == cookie) {
			chosen = way;
			break;
		}
		if (chosen < 0 && !set->claims[way])
			chosen = way;
	}
	if (chosen >= 0)
		set->claims[chosen & (CONNECTION_WAYS - 1)] = cookie;
	else
		set->spilled = 1;
	bpf_spin_unlock(&set->lock);
	return chosen < 0 ? -1 : index << CONNECTION_WAY_BITS | chosen;
}

/* Global and all numbers, like place_of. */
__noinline int claim_place(__u64 cookie)
{
	int place = -1;

	if (!cookie)
		return -1;
	for (int choice = 0; choice < CONNECTION_CHOICES; choice++) {
		place = claim_in(set_of(cookie, choice), cookie);
		if (place >= 0)
			break;
	}
	return place;
}

/* Where it lies from now on, in a place that was claimed; NULL: there was none. */
static __always_inline struct connection *
fill_place(int place, __u64 cookie, const struct connection *connection)
{
	__u32 index = (__u32)place >> CONNECTION_WAY_BITS;
	int way = place & (CONNECTION_WAYS - 1);
	struct connection_set *set;

	if (place < 0)
		return NULL;
	set = bpf_map_lookup_elem(&connections, &index);
	if (!set)
		return NULL;
	set->places[way] = *connection;
	barrier();
	set->cookies[way] = cookie;
	return &set->places[way];
}

/* What a claimed place holds of this socket already. */
static __always_inline struct connection *former_at(int place, __u64 cookie)
{
	__u32 index = (__u32)place >> CONNECTION_WAY_BITS;
	int way = place & (CONNECTION_WAYS - 1);
	struct connection_set *set;

	if (place < 0)
		return NULL;
	set = bpf_map_lookup_elem(&connections, &index);
	return set && set->cookies[way] == cookie ? &set->places[way] : NULL;
}

static __always_inline struct connection *
put_connection(__u64 cookie, const struct connection *connection)
{
	return fill_place(claim_place(cookie), cookie, connection);
}

static __always_inline void leave_way(struct connection_set *set, int way)
{
	set->cookies[way] = 0;
	barrier();
	set->claims[way] = 0;
}

/* Global and all numbers, like place_of. */
__noinline int forget_connection(__u64 cookie)
{
	struct connection_set *set;

	if (!cookie)
		return 0;
	for (int choice = 0; choice < CONNECTION_CHOICES; choice++) {
		__u32 index = set_of(cookie, choice);

		set = bpf_map_lookup_elem(&connections, &index);
		if (!set)
			return 0;
		if (set->claims[way_of(cookie)] == cookie) {
			leave_way(set, way_of(cookie));
			return 0;
		}
		for (int way = 0; way < CONNECTION_WAYS; way++)
			if (set->claims[way] == cookie)
				leave_way(set, way);
		if (!set->spilled)
			break;
	}
	return 0;
}

#endif
