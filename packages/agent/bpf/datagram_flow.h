/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Flows of datagrams, in which a reply is no attempt of its own. One flow is a
 * socket and a peer; whoever sent first opened it. It lives 30 s, and 180 s
 * from its first answer on, after its last datagram.
 *
 * The table is a hash with four ways, so that what gives its place to a newer
 * flow is known and counted, which an LRU map does not tell. No lock: only
 * flows that pass are kept, so that a reader who meets a change lets pass what
 * was allowed an instant ago.
 */
#ifndef RINGWALL_DATAGRAM_FLOW_H
#define RINGWALL_DATAGRAM_FLOW_H

#define SECOND_NS (1000ULL * 1000 * 1000)
#define DATAGRAM_WAYS 4
#define DATAGRAM_FLOWS 16384 /* a power of two */

struct datagram_flow {
	struct connection connection; /* direction: out when we sent first */
	__u64 cookie; /* of the socket; 0: free. Written last */
	__u64 time_ns; /* of the last datagram, to the second */
	__u16 peer_port;
	__u16 answered;
	__u32 pad;
};

/*
 * place by the hash of socket and peer -> flow; kernel. Full: the oldest of
 * four goes and is counted when it was alive (DATAGRAMS_EVICTED); what belongs
 * to it is judged as a new flow.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DATAGRAM_FLOWS);
	__type(key, __u32);
	__type(value, struct datagram_flow);
} datagrams SEC(".maps");

/* A socket's cookie is what a remote peer can't choose its place by. */
static __always_inline __u32 first_way(__u64 cookie, __u64 first, __u64 second,
				       __u32 peer_port)
{
	__u64 hash = cookie * 0x9e3779b97f4a7c15ULL;

	hash ^= first ^ second ^ (__u64)peer_port << 32;
	hash *= 0xff51afd7ed558ccdULL;
	return hash >> 40 & (DATAGRAM_FLOWS - 1) & ~(DATAGRAM_WAYS - 1);
}

static __always_inline bool is_alive(const struct datagram_flow *flow)
{
	__u32 seconds = flow->answered ? reply_answered_seconds : reply_seconds;

	return flow->cookie && elapsed_ns(flow->time_ns) < seconds * SECOND_NS;
}

static __always_inline bool is_datagram_flow(const struct datagram_flow *flow,
					     __u64 cookie, __u64 first,
					     __u64 second, __u32 peer_port)
{
	const __u64 *half = (const __u64 *)flow->connection.address;

	return flow->cookie == cookie && flow->peer_port == peer_port &&
	       half[0] == first && half[1] == second;
}

/*
 * The place of the flow; -1: there is none. Global and all numbers, so that
 * the verifier walks it once, and what follows once and not for each way.
 */
__noinline int find_place(__u64 cookie, __u64 first, __u64 second,
			  __u32 peer_port)
{
	__u32 place = first_way(cookie, first, second, peer_port);
	struct datagram_flow *flow;

	for (int way = 0; way < DATAGRAM_WAYS; way++, place++) {
		flow = bpf_map_lookup_elem(&datagrams, &place);
		if (flow && is_datagram_flow(flow, cookie, first, second,
					     peer_port))
			return place;
	}
	return -1;
}

/* A place for a new flow: one that is free, else the oldest. */
__noinline int choose_place(__u64 cookie, __u64 first, __u64 second,
			    __u32 peer_port)
{
	__u32 place = first_way(cookie, first, second, peer_port);
	__u32 chosen = place;
	__u64 oldest = ~0ULL;

	for (int way = 0; way < DATAGRAM_WAYS; way++, place++) {
		struct datagram_flow *flow =
			bpf_map_lookup_elem(&datagrams, &place);
		__u64 age;

		if (!flow)
			continue;
		age = flow->cookie ? flow->time_ns : 0;
		if (age < oldest) {
			oldest = age;
			chosen = place;
		}
	}
	return chosen;
}

/* The living flow of a socket and a peer, or NULL. */
static __always_inline struct datagram_flow *
find_datagram(__u64 cookie, const __u8 *address, __u16 peer_port)
{
	const __u64 *half = (const __u64 *)address;
	int place = find_place(cookie, half[0], half[1], peer_port);
	struct datagram_flow *flow;

	if (place < 0)
		return NULL;
	flow = bpf_map_lookup_elem(&datagrams, &place);
	return flow && is_alive(flow) ? flow : NULL;
}

/* What was never told because nobody knew the process. */
static __always_inline void
record_forgotten(const struct datagram_flow *flow)
{
	const struct connection *connection = &flow->connection;

	if (!flow->cookie || (connection->flags & CONNECTION_RECORDED) ||
	    connection->direction != RW_DIRECTION_IN)
		return;
	add_flow(connection, RW_STATE_ESTABLISHED, 1, connection->bytes_out,
		 connection->bytes_in);
}

static __noinline int add_datagram(__u64 cookie,
				   const struct connection *connection,
				   __u16 peer_port)
{
	const __u64 *half = (const __u64 *)connection->address;
	int place = find_place(cookie, half[0], half[1], peer_port);
	__u64 now = recent_ns();
	struct datagram_flow *flow;
	bool own = place >= 0;

	if (!own)
		place = choose_place(cookie, half[0], half[1], peer_port);
	flow = bpf_map_lookup_elem(&datagrams, &place);
	if (!flow)
		return 0;
	if (!own) {
		if (is_alive(flow))
			count(RW_COUNT_DATAGRAMS_EVICTED);
		record_forgotten(flow);
	}
	flow->cookie = 0;
	barrier();
	flow->connection = *connection;
	flow->time_ns = now;
	flow->peer_port = peer_port;
	flow->answered = 0;
	barrier();
	flow->cookie = cookie;
	return 0;
}

/* A datagram of the flow passes; `answer`: against its direction. */
static __always_inline void touch(struct datagram_flow *flow, bool answer)
{
	if (elapsed_ns(flow->time_ns) > SECOND_NS)
		flow->time_ns = recent_ns();
	if (answer && !flow->answered)
		flow->answered = 1;
}

#endif
