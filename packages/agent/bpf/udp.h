/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Datagrams at the socket: judged when they open a flow, else only counted. */
#ifndef RINGWALL_UDP_H
#define RINGWALL_UDP_H

#define UNKNOWN_FOR_NS (5ULL * SECOND_NS)
#define DENIED_DATAGRAM (1ULL << 33) /* a kind of throttled event */

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
 * Where an inbound flow is kept: in its socket's place while that is nobody's,
 * or an inbound flow's that is over; else in the table. `owned`: whose socket it
 * is, is known; what the agent has yet to find is not to be hidden by this.
 */
static __always_inline void keep_inbound(__u64 cookie,
					 struct connection *connection,
					 bool owned)
{
	struct connection *own = find_connection(cookie);

	if (owned && (!own || (own->direction == RW_DIRECTION_IN &&
			       !is_alive(own)))) {
		if (own)
			end_datagrams(own);
		if (put_connection(cookie, connection))
			return;
	}
	if (!own)
		placeless_any = 1;
	add_datagram(cookie, connection);
}

/*
 * A flow that passes. Whose process is not known yet is told later by its
 * name, or as unknown after 5 s; `flow` is what it was until now.
 */
static __always_inline void accept_datagram(struct connection *connection,
					    const struct headers *packet,
					    struct connection *flow, bool known)
{
	connection->peer_port = packet->source_port;
	connection->bytes_in = packet->bytes - UDP_BYTES;
	begin_flow(connection);
	if (flow) {
		connection->start_ns = flow->start_ns;
		connection->bytes_in += flow->bytes_in;
		connection->bytes_out = flow->bytes_out;
	}
	if (!known && elapsed_ns(connection->start_ns) <= UNKNOWN_FOR_NS)
		return;
	connection->flags |= CONNECTION_RECORDED;
	record_flow(connection, RW_STATE_ESTABLISHED, 1, connection->bytes_out,
		    connection->bytes_in);
	connection->bytes_out = 0;
	connection->bytes_in = 0;
	if (connection->verdict == RW_VERDICT_WOULD_BLOCK_ALERT)
		report_denial(connection, packet->source_port);
}

static __noinline int judge_inbound_datagram(struct bpf_sock *sk,
						  const struct headers *packet,
						  struct connection *flow,
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
	if (awaits_description(cgroup_id))
		return drop_undescribed();
	found = start_inbound_datagram(connection, sk, packet, cookie,
				       cgroup_id);
	/* UDP-Lite's too, which is no UDP to a rule; its listeners are found alike. */
	connection->proto = sk->protocol;
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
	accept_datagram(connection, packet, flow, known);
	if (flow)
		*flow = *connection;
	else
		keep_inbound(cookie, connection, found);
	return PASS;
}

/* A datagram from the other end of a flow, or again from who opened it. */
static __noinline int hear_datagram(struct connection *flow, __u64 cookie,
				    const struct headers *packet)
{
	bool answer = flow->direction == RW_DIRECTION_OUT;
	bool own = flow == find_connection(cookie);

	if (!goes_on(flow)) {
		record_denied(flow, packet->source_port);
		return DROP;
	}
	/* The program that reads it at the device is missing. */
	if (answer && must_be_proved(flow))
		return DROP;
	touch(flow, answer);
	/* Those of the second before: its socket may be open for years. */
	if (own && is_told_at_once(flow))
		flush_datagrams(flow);
	count_datagram(flow, own, 0, packet->bytes - UDP_BYTES);
	return PASS;
}

/*
 * Most datagrams: of the flow in the socket's place, within a second of the
 * last that was looked at, and judged by the revision in force. Nothing is called
 * here: a call takes as long as several look-ups.
 */
static __always_inline bool is_usual(const struct headers *packet, __u8 proto,
				     __u64 cookie, bool in)
{
	const __u16 begun = CONNECTION_BEGUN | CONNECTION_RECORDED;
	const __u8 *peer = in ? packet->source : packet->destination;
	__u16 port = in ? packet->source_port : packet->destination_port;
	struct connection *own = connection_at_home(cookie);
	bool answer;

	if (!own || port == RW_DNS_PORT || !is_peer(own, proto, peer, port) ||
	    (own->flags & begun) != begun ||
	    own->verdict == RW_VERDICT_BLOCKED ||
	    own->remote == RW_REMOTE_PROVISIONAL ||
	    idle_steps(own) >= steps_of(1) || !is_of_revision(own->generation))
		return false;
	answer = in == (own->direction == RW_DIRECTION_OUT);
	if ((answer && !(own->flags & CONNECTION_ANSWERED)) ||
	    is_told_at_once(own))
		return false;
	__sync_fetch_and_add(in ? &own->bytes_in : &own->bytes_out,
			     packet->bytes - UDP_BYTES);
	return true;
}

/* Global, like its like: the verifier walks it once. */
__noinline int ingress_datagram(struct __sk_buff *skb, __u32 proto)
{
	struct headers packet = {};
	struct connection *flow;
	struct bpf_sock *sk;
	enum parse how;
	__u64 cookie;

	how = parse_at_socket(skb, &packet, proto);
	if (how == PARSED &&
	    is_usual(&packet, proto, bpf_get_socket_cookie(skb), true))
		return PASS;
	sk = socket_of(skb);
	if (!sk)
		return PASS;
	if (how != PARSED)
		return unreadable(how, false, socket_cgroup(sk));
	/* Asked again: kept, it would lie below all that is judged. */
	cookie = bpf_get_socket_cookie(skb);
	flow = find_flow(find_connection(cookie), cookie, sk->protocol,
			 packet.source, packet.source_port);
	if (!flow || (flow->direction == RW_DIRECTION_IN &&
		      !(flow->flags & CONNECTION_RECORDED)))
		return judge_inbound_datagram(sk, &packet, flow, cookie);
	if (packet.source_port == RW_DNS_PORT)
		observe_dns(skb, IPPROTO_UDP, RW_DIRECTION_IN);
	return hear_datagram(flow, cookie, &packet);
}

/* To the peer that the socket was last judged for. */
static __always_inline int send_on(struct connection *connection,
				   const struct headers *packet)
{
	if (!goes_on(connection)) {
		record_denied(connection, 0);
		return DROP;
	}
	if (is_alive(connection))
		touch(connection, false);
	else
		begin_flow(connection);
	count_datagram(connection, true, packet->bytes - UDP_BYTES, 0);
	/* The first datagram of a connected socket. */
	if ((connection->flags & CONNECTION_JUDGED) &&
	    !(connection->flags & CONNECTION_RECORDED) &&
	    connection->verdict != RW_VERDICT_BLOCKED)
		record_datagrams(connection);
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

	if (awaits_description(connection->process.cgroup_id))
		return drop_undescribed();
	leave_place(connection, cookie, proto, packet->destination,
		    packet->destination_port);
	connection->flags = 0;
	connection->direction = RW_DIRECTION_OUT;
	slot = slot_of(connection, &index);
	if (!slot)
		return PASS;
	__builtin_memcpy(connection->address, packet->destination, 16);
	connection->port = packet->destination_port;
	connection->peer_port = packet->destination_port;
	connection->proto = proto;
	connection->remote = RW_REMOTE_NONE;
	expect_proof(connection);
	if (!judge_connection(connection, slot, index, &result))
		report_miss(&connection->process);
	if (connection->verdict == RW_VERDICT_BLOCKED) {
		record_denied(connection, 0);
		return DROP;
	}
	return send_on(connection, packet);
}

static __always_inline int send_packet(const struct headers *packet,
				       __u64 cookie, __u8 proto)
{
	struct connection *own = find_connection(cookie), *flow;
	bool judged = own && own->direction == RW_DIRECTION_OUT &&
		      own->verdict != RW_VERDICT_BLOCKED &&
		      (own->flags & CONNECTION_JUDGED) &&
		      is_peer(own, proto, packet->destination,
			      packet->destination_port);

	if (judged && (own->flags & CONNECTION_BEGUN))
		return send_on(own, packet);
	flow = find_flow(own, cookie, proto, packet->destination,
			 packet->destination_port);
	if (judged && (!flow || flow->direction == RW_DIRECTION_OUT))
		return send_on(own, packet);
	if (flow && ((flow->flags & CONNECTION_RECORDED) ||
		     flow->direction == RW_DIRECTION_IN)) {
		if (goes_on(flow)) {
			touch(flow, flow->direction == RW_DIRECTION_IN);
			count_datagram(flow, flow == own,
				       packet->bytes - UDP_BYTES, 0);
			return PASS;
		}
		/* An echo is nothing that is open. */
		if (proto != IPPROTO_ICMP) {
			record_denied(flow, 0);
			return DROP;
		}
	}
	if (own)
		return turn_to(own, packet, cookie, proto);
	/* Older than the programs, or a socket of the kernel's own. */
	count(RW_COUNT_NO_STATE);
	return PASS;
}

/* By IPsec, before it came here: a datagram socket makes no such packet. */
static __always_inline bool is_wrapped(struct __sk_buff *skb)
{
	int proto = transport_of(skb);

	return proto == IPPROTO_ESP || proto == IPPROTO_AH ||
	       proto == IPPROTO_COMP || proto == IPPROTO_IPIP ||
	       proto == IPPROTO_IPV6;
}

/*
 * The header is the kernel's; whom it is for the socket says. Port 0: it has no
 * peer, and names one at each call, which has judged it. A function of its own,
 * as parse().
 */
static __noinline enum parse read_wrapped(struct __sk_buff *skb,
					  struct headers *out)
{
	struct bpf_sock *sk = socket_of(skb);

	if (!sk || !is_wrapped(skb))
		return NOT_THIS_PROTO;
	out->destination_port = bpf_ntohs(sk->dst_port);
	if (sk->family == AF_INET)
		set_address4(out->destination, sk->dst_ip4);
	else
		set_address6(out->destination, sk->dst_ip6[0],
			     sk->dst_ip6[1], sk->dst_ip6[2],
			     sk->dst_ip6[3]);
	out->bytes = skb->len;
	return PARSED;
}

__noinline int egress_datagram(struct __sk_buff *skb, __u32 proto)
{
	__u64 cookie = bpf_get_socket_cookie(skb);
	bool judged = false;
	struct headers packet = {};
	struct bpf_sock *sk;
	enum parse how;

	how = parse_at_socket(skb, &packet, proto);
	if (how == PARSED && is_usual(&packet, proto, cookie, false))
		return PASS;
	if (how == NOT_THIS_PROTO) {
		how = read_wrapped(skb, &packet);
		judged = how == PARSED && !packet.destination_port;
	}
	if (how != PARSED || judged) {
		sk = socket_of(skb);
		if (!sk)
			return PASS;
		if (how != PARSED)
			return unreadable(how, true, socket_cgroup(sk));
		return awaits_description(socket_cgroup(sk)) ?
			       drop_undescribed() :
			       PASS;
	}
	if (packet.destination_port == RW_DNS_PORT)
		observe_dns(skb, IPPROTO_UDP, RW_DIRECTION_OUT);
	return send_packet(&packet, cookie, proto);
}

#endif
