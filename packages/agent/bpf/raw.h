/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sockets that are neither TCP nor UDP. A ping socket, and a raw one for ICMP,
 * may be made by anybody whom the kernel lets: each packet is judged as what it
 * is. Other raw sockets can forge any packet and hear what is others': making
 * one is an attempt of protocol RW_PROTO_OTHER, which only a rule without ports
 * and without a peer allows; what leaves it is judged again, packet by packet.
 * Protocols that pass all hooks by (SCTP, DCCP, L2TP, ...) are refused in block.
 */
#ifndef RINGWALL_RAW_H
#define RINGWALL_RAW_H

static __always_inline bool is_judged_elsewhere(__u32 type, __u32 proto)
{
	if (type == SOCK_STREAM)
		return proto == IPPROTO_TCP || proto == PROTO_MPTCP;
	return type == SOCK_DGRAM &&
	       (proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE);
}

/* No rule speaks for these: nothing would judge what they send. */
static __always_inline void settle_unjudgeable(struct connection *connection,
					       const struct judgement *result)
{
	connection->rule = 0;
	connection->reason = RW_REASON_DEFAULT_DENY;
	if (blocks(result->mode))
		connection->verdict = RW_VERDICT_BLOCKED;
	else if (result->mode >= RW_MODE_ALERT)
		connection->verdict = RW_VERDICT_WOULD_BLOCK_ALERT;
	else if (result->mode == RW_MODE_OBSERVE)
		connection->verdict = RW_VERDICT_WOULD_BLOCK;
}

static __always_inline int judge_creation(struct connection *connection,
					  bool raw)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;

	slot = slot_of(connection, &index);
	if (!slot || (connection->process.flags & RW_TASK_AGENT))
		return 1;
	judge_connection(connection, slot, index, &result);
	if (!raw)
		settle_unjudgeable(connection, &result);
	if (connection->verdict == RW_VERDICT_BLOCKED) {
		count(RW_COUNT_RAW_REFUSED);
		record_denied(connection, 0);
		return 0;
	}
	record_flow(connection, RW_STATE_ESTABLISHED, 1, 0, 0);
	if (connection->verdict == RW_VERDICT_WOULD_BLOCK_ALERT)
		report_denial(connection, 0);
	return 1;
}

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *ctx)
{
	struct connection connection;
	__u32 proto = ctx->protocol;
	__u32 type = ctx->type;
	struct target target = { .proto = RW_PROTO_OTHER };
	__u64 cookie;

	if (is_judged_elsewhere(type, proto))
		return 1;
	start_outbound(&connection, &target);
	if (proto != IPPROTO_ICMP && proto != IPPROTO_ICMPV6 &&
	    !judge_creation(&connection, type == SOCK_RAW))
		return 0;
	/* From here on: whose it is. Its packets say what they are. */
	connection.flags = 0;
	connection.verdict = 0;
	cookie = bpf_get_socket_cookie(ctx);
	if (!put_connection(cookie, &connection))
		count(RW_COUNT_CONNECTIONS_FULL);
	return 1;
}

static __always_inline bool has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_UDPLITE;
}

/* What a ping or raw socket sends: judged as the packet that it is. */
__noinline int egress_raw(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb);
	struct bpf_sock *sk = socket_of(skb);
	int proto = transport_of(skb);
	struct headers packet = {};
	enum parse how;

	if (!sk)
		return PASS;
	if (proto < 0)
		return unreadable(NOT_THIS_PROTO, true, socket_cgroup(sk));
	how = is_icmp(proto) ? parse_icmp(skb, &packet, proto) :
			       parse(skb, &packet, proto);
	if (how != PARSED)
		return unreadable(how, true, socket_cgroup(sk));
	if (is_icmp(proto)) {
		if (is_needed(proto, packet.destination_port))
			return PASS;
		proto = IPPROTO_ICMP;
	} else if (!has_ports(proto)) {
		packet.destination_port = 0;
		proto = RW_PROTO_OTHER;
	}
	return send_packet(&packet, cookie, proto);
}

/*
 * What a ping or raw socket hears. Nothing is judged: the kernel has answered
 * or another socket has it. An answer keeps its flow alive.
 */
__noinline int ingress_raw(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb);
	struct headers packet = {};
	struct connection *flow;
	int proto = transport_of(skb);
	__u16 type;

	if (!is_icmp(proto) || parse_icmp(skb, &packet, proto) != PARSED)
		return PASS;
	type = question_of(packet.source_port);
	if (type == packet.source_port)
		return PASS;
	flow = find_flow(find_connection(cookie), cookie, IPPROTO_ICMP,
			 packet.source, type);
	if (!flow)
		return PASS;
	packet.source_port = type;
	return hear_datagram(flow, cookie, &packet);
}

#endif
