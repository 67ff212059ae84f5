/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A SYN-ACK as it comes in at a device. The socket's hook could only drop one
 * that is refused, and connect() would run into its timeout; here it is made a
 * reset before the kernel sees it, and connect() fails at once. A server that
 * sends it again meets no socket any more and gets the kernel's own reset.
 */
#ifndef RINGWALL_DEVICE_ANSWER_H
#define RINGWALL_DEVICE_ANSWER_H

#define TC_GO_ON (-1)
#define ETHERNET_BYTES 14
#define TCP_FLAGS_WORD_AT 12 /* with the header's length */
#define TCP_CHECKSUM_AT 16

/* Words of a mapped or an IPv6 address, as a socket look-up wants them. */
static __always_inline __u32 set_tuple(struct bpf_sock_tuple *tuple,
				       struct __sk_buff *skb,
				       const struct headers *packet)
{
	const __u32 *from = (const __u32 *)packet->source;
	const __u32 *to = (const __u32 *)packet->destination;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		tuple->ipv4.saddr = from[3];
		tuple->ipv4.daddr = to[3];
		tuple->ipv4.sport = bpf_htons(packet->source_port);
		tuple->ipv4.dport = bpf_htons(packet->destination_port);
		return sizeof(tuple->ipv4);
	}
	__builtin_memcpy(tuple->ipv6.saddr, from, 16);
	__builtin_memcpy(tuple->ipv6.daddr, to, 16);
	tuple->ipv6.sport = bpf_htons(packet->source_port);
	tuple->ipv6.dport = bpf_htons(packet->destination_port);
	return sizeof(tuple->ipv6);
}

/* The cookie of the socket whose SYN this answers; 0: there is none. */
static __noinline __u64 connecting_cookie(struct __sk_buff *skb,
					  const struct headers *packet)
{
	struct bpf_sock_tuple tuple = {};
	struct tcp_sock *tcp;
	struct bpf_sock *sk;
	__u64 cookie = 0;
	__u32 bytes;

	bytes = set_tuple(&tuple, skb, packet);
	sk = bpf_sk_lookup_tcp(skb, &tuple, bytes, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	if (sk->state == BPF_TCP_SYN_SENT) {
		/* No helper tells it here; connect() has made it. */
		tcp = bpf_skc_to_tcp_sock(sk);
		if (tcp && acknowledges(packet, tcp->snd_una, tcp->snd_nxt))
			cookie = tcp->inet_conn.icsk_inet.sk.__sk_common
					 .skc_cookie.counter;
	}
	bpf_sk_release(sk);
	return cookie;
}

/* Does the IP header begin there? A device may have none of its own. */
static __always_inline bool begins_at(struct __sk_buff *skb, __u32 ip_at,
				      const struct headers *packet)
{
	__u32 transport[3];

	return !bpf_skb_load_bytes(skb, ip_at + packet->transport_at, transport,
				   sizeof(transport)) &&
	       transport[1] == packet->sequence &&
	       transport[2] == packet->acknowledgement;
}

/* Its numbers stay: they are what makes the kernel believe a reset. */
static __noinline int make_reset(struct __sk_buff *skb,
				 const struct headers *packet)
{
	__u8 word[2] __attribute__((aligned(2)));
	__u32 at = packet->transport_at;
	__u16 before;

	if (begins_at(skb, ETHERNET_BYTES, packet))
		at += ETHERNET_BYTES;
	else if (!begins_at(skb, 0, packet))
		return TC_DROP;
	if (bpf_skb_load_bytes(skb, at + TCP_FLAGS_WORD_AT, word, sizeof(word)))
		return TC_DROP;
	before = *(__u16 *)word;
	word[1] = TCP_RST | TCP_ACK;
	if (bpf_l4_csum_replace(skb, at + TCP_CHECKSUM_AT, before,
				*(__u16 *)word, sizeof(word)) ||
	    bpf_skb_store_bytes(skb, at + TCP_FLAGS_WORD_AT, word, sizeof(word),
				0))
		return TC_DROP;
	return TC_GO_ON;
}

/* What the device's copy has become, for the socket, which is not locked here. */
static __always_inline void settle_answer(__u64 cookie,
					  const struct headers *packet,
					  const struct connection *judged)
{
	struct connection *own = find_connection(cookie);

	if (!own)
		return;
	own->identity = judged->identity;
	own->subject = judged->subject;
	own->peer_class = judged->peer_class;
	own->generation = judged->generation;
	own->rule = judged->rule;
	own->remote_number = judged->remote_number;
	own->remote = judged->remote;
	own->level = judged->level;
	own->verdict = judged->verdict;
	own->reason = judged->reason;
	own->workload = judged->workload;
	if (judged->flags & CONNECTION_DENIED) {
		own->flags |= CONNECTION_DENIED | CONNECTION_RECORDED;
		return;
	}
	barrier();
	*passed_answer(own) = name_of_answer(packet);
}

/*
 * Judged in a copy: two that come at once must not read each other's proof.
 * Only where something may be refused: in other modes the socket's hook does.
 */
static __noinline int device_answer(struct __sk_buff *skb,
				    const struct headers *packet)
{
	struct connection *connection, *work;
	__u32 index, zero = 0;
	struct rw_slot *slot;
	__u64 cookie;
	int how;

	if (!proof_switches(RW_PROOF_SWITCH_ON) ||
	    !bpf_map_lookup_elem(&proof_peers, packet->source))
		return TC_GO_ON;
	work = bpf_map_lookup_elem(&inbound_work, &zero);
	cookie = connecting_cookie(skb, packet);
	connection = find_connection(cookie);
	if (!work || !connection || !(connection->flags & CONNECTION_PROVES))
		return TC_GO_ON;
	slot = slot_of(connection, &index);
	if (!slot || slot->mode_out != RW_MODE_BLOCK)
		return TC_GO_ON;
	*work = *connection;
	how = weigh_answer(skb, packet, work);
	if (how == ANSWER_WAITS)
		return TC_DROP;
	settle_answer(cookie, packet, work);
	return how == ANSWER_REFUSED ? make_reset(skb, packet) : TC_GO_ON;
}

#endif
