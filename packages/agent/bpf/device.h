/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets as they come in at a device, before the kernel looks for their
 * socket (optional, tcx). A SYN that is refused here is found by sk_lookup a
 * moment later, and the kernel answers it with a reset: the client learns at
 * once. What is not understood or not known here goes on to the socket's hook,
 * which judges all that was not judged before; no verdict depends on this.
 */
#ifndef RINGWALL_DEVICE_H
#define RINGWALL_DEVICE_H

#define ETHERNET_TYPE_AT 12
#define TCP_FLAGS_AT 13

/*
 * Most packets: TCP in plain Ethernet, and no SYN or SYN-ACK. A device without
 * an Ethernet header starts with the IP version, where this asks no further.
 */
static __always_inline bool is_plain_segment(struct __sk_buff *skb)
{
	__u8 *at = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	__u16 type;

	if ((void *)(at + ETHERNET_BYTES + IP4_BYTES + TCP_FLAGS_AT + 1) > end)
		return false;
	if (at[0] >> 4 == 4 || at[0] >> 4 == 6)
		return false;
	type = *(__u16 *)(at + ETHERNET_TYPE_AT);
	at += ETHERNET_BYTES;
	if (type == bpf_htons(ETH_P_IP))
		return at[0] == 0x45 && at[IP4_PROTO_AT] == IPPROTO_TCP &&
		       !(at[IP4_BYTES + TCP_FLAGS_AT] & TCP_SYN);
	if (type != bpf_htons(ETH_P_IPV6) ||
	    (void *)(at + IP6_BYTES + TCP_FLAGS_AT + 1) > end)
		return false;
	return at[IP6_PROTO_AT] == IPPROTO_TCP &&
	       !(at[IP6_BYTES + TCP_FLAGS_AT] & TCP_SYN);
}

/* Could the slot refuse anything that comes in? */
static __always_inline bool may_refuse(const struct rw_slot *slot)
{
	return slot->mode_in == RW_MODE_BLOCK ||
	       (slot->flags & RW_SLOT_IMMEDIATE_IN);
}

/* Without knowing whose the listener is: does the host, or who it carries? */
static __always_inline bool may_refuse_any(void)
{
	struct rw_slot *slot;
	__u32 index;

	if (carries())
		return true;
	slot = live_slot(0, RW_DIRECTION_IN, &index);
	return slot && may_refuse(slot);
}

/* Refused at the socket before: sk_lookup will answer, once. */
static __always_inline bool is_refused(const struct headers *packet, __u8 proto)
{
	struct refused_key key = {};

	set_refused_key(&key, packet, proto);
	return bpf_map_lookup_elem(&refused_packets, &key);
}

/* Fills in the connection when the listener is one of ours and was seen. */
static __always_inline bool start_at_device(struct __sk_buff *skb,
					    const struct headers *packet,
					    struct connection *connection)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	bool found = false;
	__u32 bytes;

	if (is_refused(packet, IPPROTO_TCP))
		return false;
	bytes = set_tuple(&tuple, skb, packet);
	sk = bpf_sk_lookup_tcp(skb, &tuple, bytes, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return false;
	if (sk->state == BPF_TCP_LISTEN &&
	    bpf_sk_storage_get(&bound_sockets, sk, 0, 0))
		found = start_inbound(connection, sk, packet, IPPROTO_TCP, 0);
	bpf_sk_release(sk);
	return found;
}

static __noinline int device_syn(struct __sk_buff *skb,
				 const struct headers *packet)
{
	struct judgement result = {};
	struct connection *connection;
	struct rw_slot *slot;
	__u32 index, zero = 0;
	struct proof proof;

	connection = bpf_map_lookup_elem(&inbound_work, &zero);
	if (!connection || !may_refuse_any() ||
	    !start_at_device(skb, packet, connection))
		return TC_GO_ON;
	slot = slot_of(connection, &index);
	if (!slot || !may_refuse(slot) ||
	    awaits_description(connection->process.cgroup_id))
		return TC_GO_ON;
	proof = take_proof(skb, packet, connection);
	if (!judge_inbound(index, &result))
		return TC_GO_ON;
	/* What may yet be proved is the socket's hook's to decide, and to count. */
	if (result.verdict == RW_VERDICT_BLOCKED && lacks_proof(connection, proof.fault))
		return TC_GO_ON;
	count_proof(connection, proof.fault);
	if (result.verdict == RW_VERDICT_BLOCKED)
		refuse_syn(connection, packet, proof.fault);
	else
		expect_arrival(connection, packet, &proof, true);
	return TC_GO_ON;
}

static __noinline int device_handshake(struct __sk_buff *skb)
{
	struct headers packet = {};

	if (parse(skb, &packet, IPPROTO_TCP) != PARSED)
		return TC_GO_ON;
	switch (packet.tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) {
	case TCP_SYN:
		return device_syn(skb, &packet);
	case TCP_SYN | TCP_ACK:
		return device_answer(skb, &packet);
	}
	return TC_GO_ON;
}

static __always_inline bool is_group(const __u8 address[16])
{
	const __u32 *word = (const __u32 *)address;

	if (!word[0] && !word[1] && word[2] == bpf_htonl(0xffff))
		return address[12] >= 224;
	return address[0] == 0xff;
}

/*
 * Only for sockets whose datagrams do meet the socket's hook: those of the
 * kernel's own tunnels don't, and nothing may be refused here alone.
 */
static __always_inline bool start_datagram(struct __sk_buff *skb,
					   const struct headers *packet,
					   struct connection *connection)
{
	struct bpf_sock_tuple tuple = {};
	struct listening *bound;
	struct bpf_sock *sk;
	bool found = false;
	__u32 bytes;

	bytes = set_tuple(&tuple, skb, packet);
	sk = bpf_sk_lookup_udp(skb, &tuple, bytes, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return false;
	bound = bpf_sk_storage_get(&bound_sockets, sk, 0, 0);
	if (bound && bound->judged &&
	    !find_flow(find_connection(bound->cookie), bound->cookie,
		       IPPROTO_UDP, packet->source, packet->source_port))
		found = start_inbound(connection, sk, packet, IPPROTO_UDP, 0);
	bpf_sk_release(sk);
	return found;
}

static __noinline int device_datagram(struct __sk_buff *skb)
{
	struct judgement result = {};
	struct connection *connection;
	struct headers packet = {};
	struct rw_slot *slot;
	__u32 index, zero = 0;

	connection = bpf_map_lookup_elem(&inbound_work, &zero);
	if (!connection || !may_refuse_any() ||
	    parse(skb, &packet, IPPROTO_UDP) != PARSED ||
	    is_group(packet.destination) || is_refused(&packet, IPPROTO_UDP) ||
	    proves_datagrams(packet.source) ||
	    !start_datagram(skb, &packet, connection))
		return TC_GO_ON;
	slot = slot_of(connection, &index);
	if (!slot || !may_refuse(slot))
		return TC_GO_ON;
	if (judge_inbound(index, &result) &&
	    result.verdict == RW_VERDICT_BLOCKED)
		refuse_datagram(connection, &packet);
	return TC_GO_ON;
}

/* Is the packet on its way to another host? Asked for ICMP alone. */
static __always_inline bool is_transit(struct __sk_buff *skb,
				       const struct headers *packet)
{
	const __u32 *from = (const __u32 *)packet->source;
	const __u32 *to = (const __u32 *)packet->destination;
	struct bpf_fib_lookup route = { .ifindex = skb->ingress_ifindex };
	long found;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		route.family = AF_INET;
		route.ipv4_src = from[3];
		route.ipv4_dst = to[3];
	} else {
		route.family = AF_INET6;
		__builtin_memcpy(route.ipv6_src, from, 16);
		__builtin_memcpy(route.ipv6_dst, to, 16);
	}
	found = bpf_fib_lookup(skb, &route, sizeof(route), 0);
	return found == BPF_FIB_LKUP_RET_SUCCESS ||
	       found == BPF_FIB_LKUP_RET_NO_NEIGH ||
	       found == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* Nobody's software: the kernel answers by itself. */
static __noinline int judge_icmp(struct connection *connection,
				 const struct headers *packet, __u64 cgroup_id)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;

	slot = live_slot(cgroup_id, RW_DIRECTION_IN, &index);
	if (!slot)
		return TC_GO_ON;
	__builtin_memset(connection, 0, sizeof(*connection));
	connection->process.flags = RW_TASK_PENDING;
	connection->process.cgroup_id = cgroup_id;
	__builtin_memcpy(connection->address, packet->source, 16);
	connection->port = packet->source_port;
	connection->peer_port = packet->source_port;
	connection->proto = IPPROTO_ICMP;
	connection->direction = RW_DIRECTION_IN;
	judge_inbound(index, &result);
	if (connection->verdict == RW_VERDICT_BLOCKED) {
		record_denied_once(connection, packet);
		return TC_DROP;
	}
	connection->flags |= CONNECTION_RECORDED | CONNECTION_JUDGED;
	record_flow(connection, RW_STATE_ESTABLISHED, 1, 0,
		    packet->bytes - UDP_BYTES);
	if (connection->verdict == RW_VERDICT_WOULD_BLOCK_ALERT)
		report_denial(connection, 0);
	begin_flow(connection);
	add_datagram(KERNEL_COOKIE ^ cgroup_id, connection);
	return TC_GO_ON;
}

/*
 * Headers that can't be read. TCP and UDP meet the socket's hook; ICMP would
 * be answered by the kernel.
 */
static __noinline int device_hidden(struct __sk_buff *skb, int how)
{
	struct headers packet = {};

	/* For its addresses. */
	parse(skb, &packet, IPPROTO_ICMPV6);
	if (is_transit(skb, &packet))
		return TC_GO_ON;
	return unreadable(how, false, cgroup_at(packet.destination)) == PASS ?
		       TC_GO_ON :
		       TC_DROP;
}

static __noinline int device_icmp(struct __sk_buff *skb, __u8 proto)
{
	struct connection *connection;
	struct headers packet = {};
	struct connection *flow;
	__u64 cgroup_id;
	__u32 zero = 0;
	enum parse how;

	connection = bpf_map_lookup_elem(&inbound_work, &zero);
	if (!connection)
		return TC_GO_ON;
	how = parse_icmp(skb, &packet, proto);
	if (how == NOT_THIS_PROTO)
		return TC_GO_ON; /* a later fragment: lost without the first */
	if (how == PARSED)
		how = end_icmp(skb, &packet);
	if (how != PARSED)
		return device_hidden(skb, how);
	if (is_needed(proto, packet.source_port) || is_transit(skb, &packet))
		return TC_GO_ON;
	cgroup_id = cgroup_at(packet.destination);
	if (awaits_description(cgroup_id)) {
		count(RW_COUNT_PENDING_DATAGRAMS);
		return TC_DROP;
	}
	flow = find_datagram(KERNEL_COOKIE ^ cgroup_id, IPPROTO_ICMP,
			     packet.source, packet.source_port);
	if (!flow || !goes_on(flow))
		return judge_icmp(connection, &packet, cgroup_id);
	touch(flow, false);
	count_datagram(flow, false, 0, packet.bytes - UDP_BYTES);
	return TC_GO_ON;
}

SEC("tc")
int judge_at_device(struct __sk_buff *skb)
{
	int proto;

	if (is_plain_segment(skb))
		return TC_GO_ON;
	proto = transport_of(skb);
	switch (proto) {
	case IPPROTO_TCP:
		return device_handshake(skb);
	case IPPROTO_UDP:
		return device_datagram(skb);
	case HIDDEN:
		if (skb->protocol == bpf_htons(ETH_P_IPV6))
			return device_hidden(skb, NOT_THIS_PROTO);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return device_icmp(skb, proto);
	}
	return TC_GO_ON;
}

#endif
