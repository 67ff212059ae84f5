/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Datagrams at the socket: judged when they open a flow, else only counted. */
#ifndef RINGWALL_UDP_H
#define RINGWALL_UDP_H

#define UNKNOWN_FOR_NS (5ULL * SECOND_NS)
#define DENIED_DATAGRAM (1ULL << 33) /* a kind of throttled event */

static __always_inline bool is_peer(const struct connection *connection,
				    const __u8 address[16], __u16 port)
{
	return connection->port == port &&
	       same_address(connection->address, address);
}

/* The owner by bind(), else who opened this socket's own flows. */
static __always_inline bool start_inbound_datagram(struct connection *connection,
						   struct bpf_sock *sk,
						   const struct headers *packet,
						   __u64 cookie,
						   __u64 cgroup_id)
{
	struct connection *own;

	if (start_inbound(connection, sk, packet, IPPROTO_UDP, cgroup_id))
		return true;
	own = find_connection(cookie);
	if (!own)
		return false;
	connection->process = own->process;
	return true;
}

/* Counted once in 30 s for each pair of ends, however often it is sent. */
static __always_inline void record_denied_once(struct connection *connection,
					       const struct headers *packet)
{
	const __u32 *word = (const __u32 *)packet->source;
	__u64 what = word[0] ^ word[1] ^ word[2];

	what = (what << 32 | word[3]) ^ DENIED_DATAGRAM ^
	       (__u64)packet->source_port << 40 ^ packet->destination_port ^
	       connection->generation << 48;
	if (may_report(what, reply_seconds * SECOND_NS, 1))
		record_denied(connection, packet->source_port);
}

static __always_inline void refuse_datagram(struct connection *connection,
					    const struct headers *packet)
{
	struct refused_value value = {};
	struct refused_key key = {};

	value.time_ns = recent_ns();
	set_refused_key(&key, packet, IPPROTO_UDP);
	bpf_map_update_elem(&refused_packets, &key, &value, BPF_ANY);
	refused_any = 1;
	record_denied_once(connection, packet);
}

/*
 * A flow that passes. Whose process is not known yet is told later by its
 * name, or as unknown after 5 s.
 */
static __always_inline void accept_datagram(struct connection *connection,
					    const struct headers *packet,
					    __u64 cookie, bool known)
{
	__u32 bytes = packet->bytes - UDP_BYTES;
	struct datagram_flow *flow;

	if (!known) {
		flow = find_datagram(cookie, packet->source,
				     packet->source_port);
		if (!flow) {
			connection->bytes_in = bytes;
		} else {
			connection->start_ns = flow->connection.start_ns;
			connection->bytes_in = flow->connection.bytes_in + bytes;
		}
		known = elapsed_ns(connection->start_ns) >
			UNKNOWN_FOR_NS;
		bytes = connection->bytes_in;
	}
	if (known) {
		connection->flags |= CONNECTION_RECORDED;
		record_flow(connection, RW_STATE_ESTABLISHED, 1, 0, bytes);
		if (connection->verdict == RW_VERDICT_WOULD_BLOCK_ALERT)
			report_denial(connection, packet->source_port);
	}
	add_datagram(cookie, connection, packet->source_port);
}

static __always_inline void meet_hook(struct bpf_sock *sk)
{
	struct listening *bound = bpf_sk_storage_get(&bound_sockets, sk, 0, 0);

	if (bound)
		bound->judged = 1;
}

static __noinline int judge_inbound_datagram(struct bpf_sock *sk,
						  const struct headers *packet,
						  __u64 cookie)
{
	struct judgement result = {};
	struct connection *connection;
	__u32 index, zero = 0;
	struct rw_slot *slot;
	__u64 cgroup_id = socket_cgroup(sk);
	bool found, known;
	int fault;

	slot = live_slot(cgroup_id, RW_DIRECTION_IN, &index);
	connection = bpf_map_lookup_elem(&inbound_work, &zero);
	if (!slot || !connection)
		return PASS;
	meet_hook(sk);
	if (awaits_description(cgroup_id))
		return drop_undescribed();
	found = start_inbound_datagram(connection, sk, packet, cookie,
				       cgroup_id);
	fault = read_datagram_proof(packet);
	known = judge_inbound(index, &result);
	if (!found)
		report_unknown_listener(packet, IPPROTO_UDP);
	else if (!known)
		report_miss(&connection->process);
	if (result.verdict == RW_VERDICT_BLOCKED) {
		if (!known && result.mode == RW_MODE_BLOCK) {
			if (agent_answers()) {
				/* Who sends it again meets a known process. */
				count(RW_COUNT_PENDING_DATAGRAMS);
				return DROP;
			}
			known = settle_unknown(connection, &result,
					       RW_REASON_HOLD_GIVE_UP);
		} else {
			known = false;
		}
		if (!known) {
			explain_datagram(connection, fault);
			refuse_datagram(connection, packet);
			return DROP;
		}
	}
	accept_datagram(connection, packet, cookie, known);
	return PASS;
}

/* A datagram from the other end of a flow, or again from who opened it. */
static __noinline int hear_datagram(struct datagram_flow *flow,
					 const struct headers *packet,
					 __u64 cookie)
{
	bool answer = flow->connection.direction == RW_DIRECTION_OUT;
	__u32 bytes = packet->bytes - UDP_BYTES;
	struct connection *own;

	if (!still_holds(&flow->connection)) {
		record_denied(&flow->connection, packet->source_port);
		flow->cookie = 0;
		return DROP;
	}
	/* The program that reads it at the device is missing. */
	if (answer && must_be_proved(&flow->connection))
		return DROP;
	touch(flow, answer);
	if (answer) {
		own = find_connection(cookie);
		if (own && is_peer(own, packet->source, packet->source_port)) {
			__sync_fetch_and_add(&own->bytes_in, bytes);
			return PASS;
		}
	}
	record_flow(&flow->connection, RW_STATE_ESTABLISHED, 0, 0, bytes);
	return PASS;
}

/* Global, like its like: the verifier walks it once. */
__noinline int ingress_datagram(struct __sk_buff *skb)
{
	struct bpf_sock *sk = socket_of(skb);
	struct headers packet = {};
	struct datagram_flow *flow;
	enum parse how;
	__u64 cookie;

	if (!sk)
		return PASS;
	how = parse_at_socket(skb, &packet, sk->protocol);
	if (how != PARSED)
		return unreadable(how, false, socket_cgroup(sk));
	cookie = bpf_get_socket_cookie(skb);
	flow = find_datagram(cookie, packet.source, packet.source_port);
	if (flow && (flow->connection.direction == RW_DIRECTION_OUT ||
		     (flow->connection.flags & CONNECTION_RECORDED))) {
		if (packet.source_port == RW_DNS_PORT)
			observe_dns(skb, IPPROTO_UDP, RW_DIRECTION_IN);
		return hear_datagram(flow, &packet, cookie);
	}
	return judge_inbound_datagram(sk, &packet, cookie);
}

/* To the peer that the socket was last judged for. */
static __always_inline int send_on(struct connection *connection,
				   struct datagram_flow *flow,
				   const struct headers *packet, __u64 cookie)
{
	if (!still_holds(connection)) {
		record_denied(connection, 0);
		return DROP;
	}
	__sync_fetch_and_add(&connection->bytes_out,
			     packet->bytes - UDP_BYTES);
	/* The first datagram of a connected socket. */
	if ((connection->flags & CONNECTION_JUDGED) &&
	    !(connection->flags & CONNECTION_RECORDED) &&
	    connection->verdict != RW_VERDICT_BLOCKED)
		record_datagrams(connection);
	if (flow)
		touch(flow, false);
	else
		add_datagram(cookie, connection, packet->destination_port);
	return PASS;
}

/*
 * A socket that was judged for one peer sends to another, unasked, or its
 * process was not known: it is judged again, in place.
 */
static __noinline int turn_to(struct connection *connection,
			      const struct headers *packet, __u64 cookie,
			      __u8 proto)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;

	slot = slot_of(connection, &index);
	if (!slot)
		return PASS;
	if (awaits_description(connection->process.cgroup_id))
		return drop_undescribed();
	if (connection->flags & CONNECTION_RECORDED)
		flush_datagrams(connection);
	__builtin_memcpy(connection->address, packet->destination, 16);
	connection->port = packet->destination_port;
	connection->proto = proto;
	connection->flags = 0;
	connection->remote = RW_REMOTE_NONE;
	expect_proof(connection);
	if (!judge_connection(connection, slot, index, &result))
		report_miss(&connection->process);
	if (connection->verdict == RW_VERDICT_BLOCKED) {
		record_denied(connection, 0);
		return DROP;
	}
	return send_on(connection, NULL, packet, cookie);
}

/* Where `cookie` is the socket's, and `place` what its flows are kept by. */
static __always_inline int send_packet(const struct headers *packet,
				       __u64 cookie, __u64 place, __u8 proto)
{
	struct connection *connection;
	struct datagram_flow *flow;

	connection = find_connection(cookie);
	flow = find_datagram(place, packet->destination,
			     packet->destination_port);
	if (connection && connection->verdict != RW_VERDICT_BLOCKED &&
	    (connection->flags & CONNECTION_JUDGED) &&
	    connection->proto == proto &&
	    is_peer(connection, packet->destination,
		    packet->destination_port) &&
	    (!flow || flow->connection.direction == RW_DIRECTION_OUT))
		return send_on(connection, flow, packet, place);
	if (flow && ((flow->connection.flags & CONNECTION_RECORDED) ||
		     flow->connection.direction == RW_DIRECTION_IN) &&
	    still_holds(&flow->connection)) {
		touch(flow, flow->connection.direction == RW_DIRECTION_IN);
		record_flow(&flow->connection, RW_STATE_ESTABLISHED, 0,
			    packet->bytes - UDP_BYTES, 0);
		return PASS;
	}
	if (connection)
		return turn_to(connection, packet, place, proto);
	/* Older than the programs, or a socket of the kernel's own. */
	count(RW_COUNT_NO_STATE);
	return PASS;
}

__noinline int egress_datagram(struct __sk_buff *skb)
{
	struct bpf_sock *sk = socket_of(skb);
	struct headers packet = {};
	enum parse how;
	__u64 cookie;

	if (!sk)
		return PASS;
	how = parse_at_socket(skb, &packet, sk->protocol);
	if (how != PARSED)
		return unreadable(how, true, socket_cgroup(sk));
	if (packet.destination_port == RW_DNS_PORT)
		observe_dns(skb, IPPROTO_UDP, RW_DIRECTION_OUT);
	cookie = bpf_get_socket_cookie(skb);
	return send_packet(&packet, cookie, cookie, sk->protocol);
}

#endif
