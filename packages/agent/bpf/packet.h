/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets at the socket. Only what opens a connection is judged: packets of
 * established connections leave after one look at the socket's state.
 */
#ifndef RINGWALL_PACKET_H
#define RINGWALL_PACKET_H

#define REPLY_REFRESH_NS (5ULL * 1000 * 1000 * 1000)

static __always_inline struct connection *connection_at(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb);

	return bpf_map_lookup_elem(&connections, &cookie);
}

/*
 * What answers our SYN. A reset: the difference of refused and timeout. A
 * SYN-ACK: who it is that answers.
 */
static __always_inline int ingress_connecting(struct __sk_buff *skb)
{
	struct connection *connection;
	struct headers packet = {};

	if (parse(skb, &packet, IPPROTO_TCP) != PARSED)
		return PASS;
	connection = connection_at(skb);
	if (!connection)
		return PASS;
	if (packet.tcp_flags & TCP_RST)
		connection->flags |= CONNECTION_SAW_RESET;
	else if ((packet.tcp_flags & TCP_SYN) &&
		 (connection->flags & CONNECTION_PROVES))
		return judge_answer(skb, &packet, connection);
	return PASS;
}

static __always_inline void remember_datagram(struct __sk_buff *skb,
					      const struct headers *packet)
{
	struct datagram_value value = {};
	struct datagram_value *before;
	struct datagram_key key = {};
	__u64 now = bpf_ktime_get_boot_ns();

	key.socket_cookie = bpf_get_socket_cookie(skb);
	__builtin_memcpy(key.address, packet->source, 16);
	key.port = packet->source_port;
	before = bpf_map_lookup_elem(&datagrams, &key);
	if (before) {
		if (now - before->time_ns > REPLY_REFRESH_NS)
			before->time_ns = now;
		return;
	}
	value.time_ns = now;
	if (bpf_map_update_elem(&datagrams, &key, &value, BPF_ANY))
		count(RW_COUNT_REPLIES_FULL);
}

static __always_inline int ingress_datagram(struct __sk_buff *skb,
					    struct bpf_sock *sk)
{
	struct connection *connection;
	struct headers packet = {};

	if (parse(skb, &packet, sk->protocol) != PARSED)
		return PASS;
	connection = connection_at(skb);
	if (connection && connection->port == packet.source_port &&
	    same_address(connection->address, packet.source)) {
		__sync_fetch_and_add(&connection->bytes_in,
				     packet.bytes - UDP_BYTES);
		return PASS;
	}
	remember_datagram(skb, &packet);
	return PASS;
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return PASS;
	if (sk->protocol == IPPROTO_UDP || sk->protocol == IPPROTO_UDPLITE)
		return ingress_datagram(skb, sk);
	if (sk->protocol != IPPROTO_TCP)
		return PASS;
	if (sk->state == BPF_TCP_LISTEN)
		return ingress_listener(skb, sk);
	if (sk->state == BPF_TCP_SYN_SENT)
		return ingress_connecting(skb);
	return PASS;
}

static __always_inline int egress_connecting(struct __sk_buff *skb,
					     struct bpf_sock *sk)
{
	struct connection *connection = connection_at(skb);
	struct listening *mark;

	if (!connection) {
		mark = bpf_sk_storage_get(&bound_sockets, sk, 0, 0);
		return mark && mark->untracked ? PASS : judge_stray_syn(skb);
	}
	if (connection->flags & CONNECTION_HELD)
		return judge_held_syn(connection);
	return connection->flags & CONNECTION_DENIED ? DROP : PASS;
}

static __always_inline int egress_datagram(struct __sk_buff *skb)
{
	struct connection *connection = connection_at(skb);
	__u32 bytes = UDP_BYTES;

	if (!connection)
		return PASS;
	bytes += skb->protocol == bpf_htons(ETH_P_IP) ? IP4_BYTES : IP6_BYTES;
	if (skb->len > bytes)
		__sync_fetch_and_add(&connection->bytes_out, skb->len - bytes);
	/* The first datagram of a connected socket. */
	if ((connection->flags & CONNECTION_JUDGED) &&
	    !(connection->flags & CONNECTION_RECORDED) &&
	    connection->verdict != RW_VERDICT_BLOCKED)
		record_datagrams(connection);
	return PASS;
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return PASS;
	if (sk->protocol == IPPROTO_UDP || sk->protocol == IPPROTO_UDPLITE)
		return egress_datagram(skb);
	if (sk->protocol == IPPROTO_TCP && sk->state == BPF_TCP_SYN_SENT)
		return egress_connecting(skb, sk);
	return PASS;
}

#endif
