/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What came of attempts: counted per flow, denials also told at once. */
#ifndef RINGWALL_FLOW_H
#define RINGWALL_FLOW_H

#define DENIAL_WINDOW_NS (1000ULL * 1000 * 1000)

static __always_inline void add_to_flow(struct rw_flow_value *flow,
					const struct rw_flow_value *more)
{
	/* Atomic additions are slow, and most are of nothing. */
	if (more->count)
		__sync_fetch_and_add(&flow->count, more->count);
	if (more->bytes_out)
		__sync_fetch_and_add(&flow->bytes_out, more->bytes_out);
	if (more->bytes_in)
		__sync_fetch_and_add(&flow->bytes_in, more->bytes_in);
	flow->last_ns = more->last_ns;
}

static __always_inline int count_flow(struct rw_flow_key *key,
				 struct rw_flow_value *more)
{
	__u32 which = RW_ACTIVE_FLOWS;
	__u32 *live = bpf_map_lookup_elem(&active, &which);
	struct rw_flow_value *flow;
	__u32 index;
	void *map;

	if (!live)
		return 0;
	index = *live & 1;
	map = bpf_map_lookup_elem(&flow_buffers, &index);
	if (!map)
		return 0;
	flow = bpf_map_lookup_elem(map, key);
	if (!flow) {
		if (!bpf_map_update_elem(map, key, more, BPF_NOEXIST))
			return 0;
		/* Another CPU was first, or the map is full. */
		flow = bpf_map_lookup_elem(map, key);
		if (!flow) {
			count(more->count ? RW_COUNT_FLOWS_FULL :
					    RW_COUNT_FLOW_BYTES_FULL);
			return 0;
		}
	}
	add_to_flow(flow, more);
	return 0;
}

/* A function of its own so that its key and value leave the stack early. */
static __noinline int add_flow(const struct connection *connection, __u8 state,
			       __u64 times, __u64 bytes_out, __u64 bytes_in)
{
	struct rw_flow_value more = {};
	struct rw_flow_key key = {};

	key.identity = connection->identity;
	key.rule = connection->rule;
	__builtin_memcpy(key.address, connection->address, 16);
	key.port = connection->port;
	key.proto = connection->proto;
	key.direction = connection->direction;
	key.verdict = connection->verdict;
	key.state = state;
	key.reason = connection->reason;
	key.level = connection->level;
	key.workload = connection->workload;
	more.count = times;
	more.bytes_out = bytes_out;
	more.bytes_in = bytes_in;
	more.first_ns = recent_ns();
	more.last_ns = more.first_ns;
	return count_flow(&key, &more);
}

static __always_inline void record_flow(const struct connection *connection,
					__u8 state, __u64 times,
					__u64 bytes_out, __u64 bytes_in)
{
	add_flow(connection, state, times, bytes_out, bytes_in);
	if (times)
		meet_draft(connection);
}

/* Tells of a refusal, or of what alert mode would have refused. */
static __always_inline void report_denial(const struct connection *connection,
					  __u16 peer_port)
{
	struct rw_denial_event *event;
	__u64 what = (__u64)connection->identity << 32 ^
		     (__u64)connection->process.tgid << 40 ^
		     connection->rule << 3 ^ connection->direction;

	if (!may_report(what, DENIAL_WINDOW_NS, RW_DENIAL_EVENTS_PER_WINDOW)) {
		count(RW_COUNT_EVENTS_SUPPRESSED);
		return;
	}
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(RW_COUNT_RING_FULL);
		return;
	}
	event->header.type = RW_EVENT_DENIAL;
	event->header.pad = 0;
	event->header.tgid = connection->process.tgid;
	event->header.time_ns = bpf_ktime_get_boot_ns();
	event->process = connection->process;
	event->generation = connection->generation;
	event->identity = connection->identity;
	event->subject = connection->subject;
	event->peer_class = connection->peer_class;
	event->rule = connection->rule;
	__builtin_memcpy(event->address, connection->address, 16);
	event->port = connection->port;
	event->peer_port = peer_port;
	event->proto = connection->proto;
	event->direction = connection->direction;
	event->verdict = connection->verdict;
	event->reason = connection->reason;
	bpf_ringbuf_submit(event, 0);
}

/* Refused here: counted, told at once. */
static __always_inline void record_denied(struct connection *connection,
					  __u16 peer_port)
{
	count(connection->direction == RW_DIRECTION_OUT ?
		      RW_COUNT_DENIED_OUT :
		      RW_COUNT_DENIED_IN);
	record_flow(connection, RW_STATE_DENIED, 1, 0, 0);
	report_denial(connection, peer_port);
	connection->flags |= CONNECTION_RECORDED;
}

#endif
