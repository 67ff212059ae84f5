/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What came of attempts: counted per flow, denials also told at once. */
#ifndef RINGWALL_FLOW_H
#define RINGWALL_FLOW_H

#define DENIAL_WINDOW_NS (1000ULL * 1000 * 1000)

static __always_inline void add_to_flow(struct rw_flow_value *flow,
					const struct rw_flow_value *more)
{
	__sync_fetch_and_add(&flow->count, more->count);
	__sync_fetch_and_add(&flow->bytes_out, more->bytes_out);
	__sync_fetch_and_add(&flow->bytes_in, more->bytes_in);
	flow->last_ns = more->last_ns;
}

static __noinline int count_flow(struct rw_flow_key *key,
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
			count(RW_COUNT_FLOWS_FULL);
			return 0;
		}
	}
	add_to_flow(flow, more);
	return 0;
}

static __always_inline void record_flow(const struct socket_state *socket,
					__u8 state, __u64 times,
					__u64 bytes_out, __u64 bytes_in)
{
	struct rw_flow_value more = {};
	struct rw_flow_key key = {};

	key.identity = socket->identity;
	key.rule = socket->rule;
	__builtin_memcpy(key.address, socket->address, 16);
	key.port = socket->port;
	key.proto = socket->proto;
	key.direction = socket->direction;
	key.verdict = socket->verdict;
	key.state = state;
	key.reason = socket->reason;
	more.count = times;
	more.bytes_out = bytes_out;
	more.bytes_in = bytes_in;
	more.first_ns = bpf_ktime_get_boot_ns();
	more.last_ns = more.first_ns;
	count_flow(&key, &more);
}

/* Tells of a refusal, or of what alert mode would have refused. */
static __always_inline void report_denial(const struct socket_state *socket,
					  __u16 peer_port)
{
	struct rw_denial_event *event;
	__u64 what = (__u64)socket->identity << 32 ^
		     (__u64)socket->process.tgid << 40 ^ socket->rule << 3 ^
		     socket->direction;

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
	event->header.tgid = socket->process.tgid;
	event->header.time_ns = bpf_ktime_get_boot_ns();
	event->process = socket->process;
	event->generation = socket->generation;
	event->identity = socket->identity;
	event->subject = socket->subject;
	event->peer_class = socket->peer_class;
	event->rule = socket->rule;
	__builtin_memcpy(event->address, socket->address, 16);
	event->port = socket->port;
	event->peer_port = peer_port;
	event->proto = socket->proto;
	event->direction = socket->direction;
	event->verdict = socket->verdict;
	event->reason = socket->reason;
	bpf_ringbuf_submit(event, 0);
}

/* Refused here: counted, told at once. */
static __always_inline void record_denied(struct socket_state *socket,
					  __u16 peer_port)
{
	count(socket->direction == RW_DIRECTION_OUT ? RW_COUNT_DENIED_OUT :
						      RW_COUNT_DENIED_IN);
	record_flow(socket, RW_STATE_DENIED, 1, 0, 0);
	report_denial(socket, peer_port);
	socket->flags |= SOCKET_RECORDED;
}

#endif
