/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Flows of datagrams, in which a reply is no attempt of its own. One flow is a
 * socket and a peer; whoever sent first opened it. It lives 30 s, and 180 s
 * from its first answer on, after its last datagram.
 *
 * A socket's latest flow out, or its first one in, lies in the socket's place in
 * `connections`, where most datagrams find it by one look-up; what has to make
 * room there goes to a table. The table is a hash with four ways, so that what
 * gives its place to a newer flow is known and counted, which an LRU map does
 * not tell. No lock: only flows that pass are kept, so that a reader who meets
 * a change lets pass what was allowed an instant ago.
 */
#ifndef RINGWALL_DATAGRAM_FLOW_H
#define RINGWALL_DATAGRAM_FLOW_H

#define SECOND_NS (1000ULL * 1000 * 1000)
#define DATAGRAM_WAYS 4
#define DATAGRAM_FLOWS 16384 /* a power of two */
#define BURST 16 /* of an inbound flow in a second: counted at once */

struct datagram_flow {
	struct connection connection; /* direction: out when we sent first */
	__u64 cookie; /* table_cookie() of the socket; 0: free. Written last */
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

/* A clock of a load and a shift, whose 32 bits last for years. */
#define STEP_BITS 6

static __always_inline __u32 this_step(void)
{
	return bpf_jiffies64() >> STEP_BITS;
}

static __always_inline __u32 steps_of(__u32 seconds)
{
	return (seconds * kernel_hz + (1U << STEP_BITS) - 1) >> STEP_BITS;
}

static __always_inline __u32 idle_steps(const struct connection *flow)
{
	__u32 idle = this_step() - flow->met_at;

	/* Another CPU may have met one a step later than this one looked. */
	return idle == ~0U ? 0 : idle;
}

static __always_inline bool is_alive(const struct connection *flow)
{
	__u32 seconds = flow->flags & CONNECTION_ANSWERED ?
				reply_answered_seconds :
				reply_seconds;

	return (flow->flags & CONNECTION_BEGUN) &&
	       idle_steps(flow) < steps_of(seconds);
}

static __always_inline void begin_flow(struct connection *flow)
{
	flow->met_at = this_step();
	flow->in_second = 0;
	flow->flags &= ~CONNECTION_ANSWERED;
	flow->flags |= CONNECTION_BEGUN;
}

static __always_inline bool is_peer(const struct connection *connection,
				    __u8 proto, const __u8 address[16],
				    __u16 peer_port)
{
	return connection->peer_port == peer_port &&
	       connection->proto == proto &&
	       same_address(connection->address, address);
}

/* A raw socket has flows of many protocols. */
static __always_inline __u64 table_cookie(__u64 cookie, __u8 proto)
{
	return cookie ^ (__u64)proto << 56;
}

/* A socket's cookie is what a remote peer can't choose its place by. */
static __always_inline __u32 first_way(__u64 cookie, __u64 first, __u64 second,
				       __u32 peer_port)
{
	__u64 hash = cookie * 0x9e3779b97f4a7c15ULL;

	hash ^= first ^ second ^ (__u64)peer_port << 32;
	hash *= 0xff51afd7ed558ccdULL;
	return hash >> 40 & (DATAGRAM_FLOWS - 1) & ~(DATAGRAM_WAYS - 1);
}

static __always_inline bool is_datagram_flow(const struct datagram_flow *flow,
					     __u64 cookie, __u64 first,
					     __u64 second, __u32 peer_port)
{
	const __u64 *half = (const __u64 *)flow->connection.address;

	return flow->cookie == cookie &&
	       flow->connection.peer_port == peer_port && half[0] == first &&
	       half[1] == second;
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

/* A place for a flow: the one it has, else one that is free, else the oldest. */
__noinline int choose_place(__u64 cookie, __u64 first, __u64 second,
			    __u32 peer_port)
{
	__u32 place = first_way(cookie, first, second, peer_port);
	__u32 chosen = place;
	__u64 longest = 0;

	for (int way = 0; way < DATAGRAM_WAYS; way++, place++) {
		struct datagram_flow *flow =
			bpf_map_lookup_elem(&datagrams, &place);
		__u64 idle;

		if (!flow)
			continue;
		if (is_datagram_flow(flow, cookie, first, second, peer_port))
			return place;
		idle = flow->cookie ? idle_steps(&flow->connection) + 1ULL :
				      ~0ULL;
		if (idle > longest) {
			longest = idle;
			chosen = place;
		}
	}
	return chosen;
}

/* The living flow in the table of a socket and a peer, or NULL. */
static __always_inline struct connection *
find_datagram(__u64 cookie, __u8 proto, const __u8 *address, __u16 peer_port)
{
	const __u64 *half = (const __u64 *)address;
	int place = find_place(table_cookie(cookie, proto), half[0], half[1],
			       peer_port);
	struct datagram_flow *flow;

	if (place < 0)
		return NULL;
	flow = bpf_map_lookup_elem(&datagrams, &place);
	return flow && is_alive(&flow->connection) ? &flow->connection : NULL;
}

/*
 * The living flow of a socket and a peer, or NULL. `own`: what lies in the
 * socket's place, or NULL.
 */
static __always_inline struct connection *
find_flow(struct connection *own, __u64 cookie, __u8 proto,
	  const __u8 *address, __u16 peer_port)
{
	if (!own && !placeless_any)
		return NULL;
	if (own && is_peer(own, proto, address, peer_port) && is_alive(own))
		return own;
	return find_datagram(cookie, proto, address, peer_port);
}

/* What was never told because nobody knew the process. */
static __always_inline void record_forgotten(const struct connection *flow)
{
	if (!(flow->flags & CONNECTION_RECORDED) &&
	    flow->direction == RW_DIRECTION_IN)
		add_flow(flow, RW_STATE_ESTABLISHED, 1, flow->bytes_out,
			 flow->bytes_in);
}

/* Into the table. */
static __noinline int add_datagram(__u64 cookie,
				   const struct connection *connection)
{
	const __u64 *half = (const __u64 *)connection->address;
	__u16 peer_port = connection->peer_port;
	struct datagram_flow *flow;
	int place;

	cookie = table_cookie(cookie, connection->proto);
	place = choose_place(cookie, half[0], half[1], peer_port);
	flow = bpf_map_lookup_elem(&datagrams, &place);
	if (!flow)
		return 0;
	if (flow->cookie && !is_datagram_flow(flow, cookie, half[0], half[1],
					      peer_port)) {
		if (is_alive(&flow->connection))
			count(RW_COUNT_DATAGRAMS_EVICTED);
		record_forgotten(&flow->connection);
	}
	flow->cookie = 0;
	barrier();
	flow->connection = *connection;
	barrier();
	flow->cookie = cookie;
	return 0;
}

/*
 * Bytes of the flow so far; a socket may turn to another peer any time. Two CPUs
 * may do it at once: then what both counted is below 0 until as much has passed.
 */
static __always_inline void flush_datagrams(struct connection *connection)
{
	__u64 bytes_out = connection->bytes_out;
	__u64 bytes_in = connection->bytes_in;

	if ((__s64)bytes_out < 0)
		bytes_out = 0;
	if ((__s64)bytes_in < 0)
		bytes_in = 0;
	if (!bytes_out && !bytes_in)
		return;
	__sync_fetch_and_add(&connection->bytes_out, -bytes_out);
	__sync_fetch_and_add(&connection->bytes_in, -bytes_in);
	record_flow(connection, RW_STATE_ESTABLISHED, 0, bytes_out, bytes_in);
}

/* A datagram of the flow passes; `answer`: against its direction. */
static __always_inline void touch(struct connection *flow, bool answer)
{
	if (answer && !(flow->flags & CONNECTION_ANSWERED))
		flow->flags |= CONNECTION_ANSWERED;
	if (idle_steps(flow) < steps_of(1))
		return;
	flow->met_at = this_step();
	flow->in_second = 0;
}

/* A flow in, while it is slow. */
static __always_inline bool is_told_at_once(const struct connection *flow)
{
	return flow->direction == RW_DIRECTION_IN && flow->in_second < BURST &&
	       (flow->flags & CONNECTION_RECORDED);
}

/*
 * What passes is added up in the socket's place; elsewhere nothing would tell
 * it in the end.
 */
static __always_inline void count_datagram(struct connection *flow, bool own,
					   __u32 bytes_out, __u32 bytes_in)
{
	if (!own || is_told_at_once(flow)) {
		flow->in_second++;
		record_flow(flow, RW_STATE_ESTABLISHED, 0, bytes_out, bytes_in);
		return;
	}
	if (bytes_out)
		__sync_fetch_and_add(&flow->bytes_out, bytes_out);
	if (bytes_in)
		__sync_fetch_and_add(&flow->bytes_in, bytes_in);
}

#endif
