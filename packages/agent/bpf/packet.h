/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets at the socket. Only what opens a connection is judged: packets of
 * established connections leave after one look at the socket's state.
 */
#ifndef RINGWALL_PACKET_H
#define RINGWALL_PACKET_H

/* A reset or SYN-ACK that is not of our SYN: the kernel does away with it. */
static __always_inline bool is_stray(struct __sk_buff *skb,
				     const struct headers *packet)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp = sk ? bpf_tcp_sock(sk) : NULL;

	if (!(packet->tcp_flags & (TCP_ACK | TCP_RST)))
		return false;
	return tcp && !acknowledges(packet, tcp->snd_una, tcp->snd_nxt);
}

/*
 * What answers our SYN. A reset: the difference of refused and timeout. A
 * SYN-ACK: who it is that answers.
 */
static __noinline int ingress_connecting(struct __sk_buff *skb)
{
	struct connection *connection = connection_at(skb);
	struct headers packet = {};
	int flags;

	if (!connection)
		return PASS;
	/* Nothing is decided here where nothing is proved. */
	if (!(connection->flags & CONNECTION_PROVES)) {
		flags = plain_flags(skb);
		if (flags >= 0 && !(flags & TCP_RST))
			return PASS;
	}
	if (parse_at_socket(skb, &packet, IPPROTO_TCP) != PARSED ||
	    is_stray(skb, &packet))
		return PASS;
	if (packet.tcp_flags & TCP_RST)
		connection->flags |= CONNECTION_SAW_RESET;
	else if ((packet.tcp_flags & TCP_SYN) &&
		 (connection->flags & CONNECTION_PROVES))
		return judge_answer(skb, &packet, connection);
	return PASS;
}

static __always_inline bool is_dns(struct bpf_sock *sk)
{
	return sk->dst_port == bpf_htons(RW_DNS_PORT);
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = socket_of(skb);

	if (!sk)
		return PASS;
	if (sk->type == SOCK_RAW || is_icmp(sk->protocol))
		return ingress_raw(skb) ? PASS : DROP;
	if (sk->protocol == IPPROTO_UDP || sk->protocol == IPPROTO_UDPLITE)
		return ingress_datagram(skb, sk->protocol) ? PASS : DROP;
	if (sk->protocol != IPPROTO_TCP)
		return PASS;
	if (sk->state == BPF_TCP_LISTEN)
		return ingress_listener(skb) ? PASS : DROP;
	if (sk->state == BPF_TCP_SYN_SENT)
		return ingress_connecting(skb);
	if (is_dns(sk))
		observe_dns(skb, IPPROTO_TCP, RW_DIRECTION_IN);
	return PASS;
}

static __always_inline int egress_connecting(struct __sk_buff *skb,
					     struct bpf_sock *sk)
{
	struct connection *connection = connection_at(skb);
	struct listening *mark;

	if (!connection) {
		mark = bpf_sk_storage_get(&bound_sockets, sk, 0, 0);
		return mark && mark->untracked ? PASS :
						 judge_stray_syn(skb, socket_cgroup(sk));
	}
	if (makes_room(connection))
		return DROP;
	if (connection->flags & CONNECTION_HELD)
		return judge_held_syn(connection);
	return connection->flags & CONNECTION_DENIED ? DROP : PASS;
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = socket_of(skb);

	if (!sk)
		return PASS;
	if (sk->type == SOCK_RAW || is_icmp(sk->protocol))
		return egress_raw(skb) ? PASS : DROP;
	if (sk->protocol == IPPROTO_UDP || sk->protocol == IPPROTO_UDPLITE)
		return egress_datagram(skb, sk->protocol) ? PASS : DROP;
	if (sk->protocol == IPPROTO_TCP && sk->state == BPF_TCP_SYN_SENT)
		return egress_connecting(skb, sk);
	if (sk->protocol == IPPROTO_TCP && is_dns(sk))
		observe_dns(skb, IPPROTO_TCP, RW_DIRECTION_OUT);
	return PASS;
}

#endif
