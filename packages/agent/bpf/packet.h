/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets at the socket. Only what opens a connection is judged: packets of
 * established connections leave after one look at the socket's state. The
 * hook sees whole packets (fragments are put together before), starting at
 * the IP header.
 */
#ifndef RINGWALL_PACKET_H
#define RINGWALL_PACKET_H

#define PASS 1
#define DROP 0
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define IP4_BYTES 20
#define IP6_BYTES 40
#define UDP_BYTES 8
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define HOLD_NS (RW_HOLD_MS_MAX * 1000ULL * 1000)
#define UNKNOWN_LISTENER (1ULL << 32) /* a kind of throttled event */
#define REPLY_REFRESH_NS (5ULL * 1000 * 1000 * 1000)

enum parse {
	PARSED,
	UNREADABLE,
	NOT_THIS_PROTO, /* IPv6 extension headers are in between */
};

struct headers {
	__u8 source[16];
	__u8 destination[16];
	__u32 sequence;
	__u32 bytes; /* of the transport's header and payload */
	__u16 source_port;
	__u16 destination_port;
	__u8 tcp_flags;
	__u8 pad[3];
};

static __always_inline enum parse parse_ip4(struct __sk_buff *skb,
					    struct headers *out, __u8 proto,
					    __u32 *at)
{
	__u8 ip[IP4_BYTES] __attribute__((aligned(4)));

	if (bpf_skb_load_bytes(skb, 0, ip, sizeof(ip)))
		return UNREADABLE;
	if (ip[9] != proto)
		return NOT_THIS_PROTO;
	*at = (ip[0] & 15) * 4;
	set_address4(out->source, *(__u32 *)(ip + 12));
	set_address4(out->destination, *(__u32 *)(ip + 16));
	return PARSED;
}

static __always_inline enum parse parse_ip6(struct __sk_buff *skb,
					    struct headers *out, __u8 proto,
					    __u32 *at)
{
	__u8 ip[IP6_BYTES] __attribute__((aligned(4)));

	if (bpf_skb_load_bytes(skb, 0, ip, sizeof(ip)))
		return UNREADABLE;
	__builtin_memcpy(out->source, ip + 8, 16);
	__builtin_memcpy(out->destination, ip + 24, 16);
	if (ip[6] != proto)
		return NOT_THIS_PROTO;
	*at = IP6_BYTES;
	return PARSED;
}

static __always_inline enum parse parse(struct __sk_buff *skb,
					struct headers *out, __u8 proto)
{
	__u8 transport[16] __attribute__((aligned(4)));
	enum parse how;
	__u32 at = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		how = parse_ip4(skb, out, proto, &at);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		how = parse_ip6(skb, out, proto, &at);
	else
		return UNREADABLE;
	if (how != PARSED)
		return how;
	out->bytes = skb->len - at;
	if (proto == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, at, transport, 16))
			return UNREADABLE;
		out->sequence = *(__u32 *)(transport + 4);
		out->tcp_flags = transport[13];
	} else if (bpf_skb_load_bytes(skb, at, transport, 4)) {
		return UNREADABLE;
	}
	out->source_port = transport[0] << 8 | transport[1];
	out->destination_port = transport[2] << 8 | transport[3];
	return PARSED;
}

static __always_inline struct connection *connection_at(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb);

	return bpf_map_lookup_elem(&connections, &cookie);
}

/* ------------------------------------------------------------- inbound */

static __always_inline void report_unknown_listener(const struct headers *packet)
{
	struct rw_unknown_listener_event *event;

	count(RW_COUNT_UNKNOWN_LISTENERS);
	if (!may_report(UNKNOWN_LISTENER | packet->destination_port,
			MISS_WINDOW_NS, 1))
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(RW_COUNT_RING_FULL);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->header.type = RW_EVENT_UNKNOWN_LISTENER;
	event->header.time_ns = bpf_ktime_get_boot_ns();
	__builtin_memcpy(event->address, packet->destination, 16);
	event->port = packet->destination_port;
	event->proto = IPPROTO_TCP;
	bpf_ringbuf_submit(event, 0);
}

/* The process that listens: from the socket, else what the agent found. */
static __always_inline bool find_listener(struct bpf_sock *sk, __u16 port,
					  struct rw_process *process)
{
	struct rw_listener_key key = { .port = port, .proto = IPPROTO_TCP };
	struct listening *bound;
	struct rw_process *known;

	bound = bpf_sk_storage_get(&bound_sockets, sk, 0, 0);
	if (bound) {
		/* Keeps the answer: the process may be gone one day. */
		resolve_process(&bound->process, bound->since_ns);
		*process = bound->process;
		return true;
	}
	known = bpf_map_lookup_elem(&listeners, &key);
	if (known) {
		*process = *known;
		return true;
	}
	process->flags = RW_TASK_PENDING;
	return false;
}

/* Fills in an inbound connection; false when nobody knows its listener. */
static __always_inline bool start_inbound(struct connection *connection,
					  struct bpf_sock *sk,
					  const struct headers *packet)
{
	__builtin_memset(connection, 0, sizeof(*connection));
	connection->start_ns = bpf_ktime_get_boot_ns();
	__builtin_memcpy(connection->address, packet->source, 16);
	connection->port = packet->destination_port;
	connection->proto = IPPROTO_TCP;
	connection->direction = RW_DIRECTION_IN;
	return find_listener(sk, packet->destination_port,
			     &connection->process);
}

/* Was this very SYN refused before? Remembers it otherwise. */
static __always_inline bool is_retransmission(const struct headers *packet)
{
	struct syn_value value = { .sequence = packet->sequence };
	struct syn_value *before;
	struct syn_key key = {};

	__builtin_memcpy(key.peer_address, packet->source, 16);
	__builtin_memcpy(key.address, packet->destination, 16);
	key.peer_port = packet->source_port;
	key.port = packet->destination_port;
	before = bpf_map_lookup_elem(&refused_syns, &key);
	if (before && before->sequence == packet->sequence)
		return true;
	value.time_ns = bpf_ktime_get_boot_ns();
	bpf_map_update_elem(&refused_syns, &key, &value, BPF_ANY);
	return false;
}

static __always_inline int expect_arrival(const struct connection *connection,
					  const struct headers *packet)
{
	struct arrival *arrival = arrival_at(packet->source,
					     packet->source_port,
					     packet->destination_port);

	if (arrival) {
		arrival->connection = *connection;
		arrival->peer_port = packet->source_port;
	}
	return PASS;
}

static __always_inline int judge_inbound_syn(struct bpf_sock *sk,
					     const struct headers *packet,
					     struct rw_slot *slot, __u32 index)
{
	struct judgement result = {};
	struct connection connection;
	bool found, known;

	found = start_inbound(&connection, sk, packet);
	known = judge_connection(&connection, slot, index, &result);
	if (!found)
		report_unknown_listener(packet);
	else if (!known)
		report_miss(&connection.process);
	if (result.verdict != RW_VERDICT_BLOCKED)
		return expect_arrival(&connection, packet);
	if (!known && result.mode == RW_MODE_BLOCK) {
		if (agent_answers()) {
			/* The client sends it again; by then we know. */
			count(RW_COUNT_HOLDS);
			return DROP;
		}
		if (settle_unknown(&connection, &result,
				   RW_REASON_HOLD_GIVE_UP))
			return expect_arrival(&connection, packet);
	}
	refused_any = 1;
	if (!is_retransmission(packet))
		record_denied(&connection, packet->source_port);
	return DROP;
}

/*
 * The handshake completes, and the new socket's callback follows: it finds
 * here whom it belongs to, even if another handshake took the place meanwhile
 * or the SYN was answered by a cookie.
 */
static __always_inline int complete_handshake(struct bpf_sock *sk,
					      const struct headers *packet)
{
	struct arrival *arrival = arrival_at(packet->source,
					     packet->source_port,
					     packet->destination_port);

	if (!arrival ||
	    is_arrival(arrival, packet->source, packet->source_port,
		       packet->destination_port))
		return PASS;
	start_inbound(&arrival->connection, sk, packet);
	arrival->peer_port = packet->source_port;
	return PASS;
}

static __always_inline int ingress_listener(struct __sk_buff *skb,
					    struct bpf_sock *sk)
{
	struct headers packet = {};
	struct rw_slot *slot;
	__u32 index;

	slot = live_slot(&index);
	if (!slot)
		return PASS;
	switch (parse(skb, &packet, IPPROTO_TCP)) {
	case PARSED:
		break;
	case NOT_THIS_PROTO:
		count(RW_COUNT_EXTENSION_HEADERS);
		return slot->mode_in == RW_MODE_BLOCK ? DROP : PASS;
	default:
		count(RW_COUNT_UNPARSED);
		return slot->mode_in == RW_MODE_BLOCK ? DROP : PASS;
	}
	if ((packet.tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return judge_inbound_syn(sk, &packet, slot, index);
	return complete_handshake(sk, &packet);
}

/* A reset that answers our SYN: the difference of refused and timeout. */
static __always_inline int ingress_connecting(struct __sk_buff *skb)
{
	struct connection *connection;
	struct headers packet = {};

	if (parse(skb, &packet, IPPROTO_TCP) != PARSED ||
	    !(packet.tcp_flags & TCP_RST))
		return PASS;
	connection = connection_at(skb);
	if (connection)
		connection->flags |= CONNECTION_SAW_RESET;
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

/* ------------------------------------------------------------ outbound */

/* Counts the denial once; later SYNs of the connection are dropped unseen. */
static __always_inline int deny_syn(struct connection *connection)
{
	connection->flags &= ~CONNECTION_HELD;
	connection->flags |= CONNECTION_DENIED;
	record_denied(connection, 0);
	return DROP;
}

static __always_inline int release_syn(struct connection *connection)
{
	connection->flags &= ~CONNECTION_HELD;
	return PASS;
}

static __always_inline int judge_held_syn(struct connection *connection)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;
	bool known;

	slot = live_slot(&index);
	if (!slot)
		return PASS;
	known = judge_connection(connection, slot, index, &result);
	if (result.verdict != RW_VERDICT_BLOCKED)
		return release_syn(connection);
	if (known)
		return deny_syn(connection);
	if (bpf_ktime_get_boot_ns() - connection->start_ns < HOLD_NS &&
	    agent_answers()) {
		count(RW_COUNT_HOLDS);
		report_miss(&connection->process);
		return DROP;
	}
	count(RW_COUNT_HOLD_GIVE_UPS);
	if (settle_unknown(connection, &result, RW_REASON_HOLD_GIVE_UP))
		return release_syn(connection);
	return deny_syn(connection);
}

/* A SYN that no connect() hook has seen: judged as unknown software. */
static __always_inline int judge_stray_syn(struct __sk_buff *skb)
{
	struct judgement result = {};
	struct connection connection = {};
	struct headers packet = {};
	struct rw_slot *slot;
	__u64 cookie;
	__u32 index;
	int verdict = PASS;

	count(RW_COUNT_NO_STATE);
	slot = live_slot(&index);
	if (!slot)
		return PASS;
	if (parse(skb, &packet, IPPROTO_TCP) != PARSED) {
		count(RW_COUNT_UNPARSED);
		return slot->mode_out == RW_MODE_BLOCK ? DROP : PASS;
	}
	connection.process.flags = RW_TASK_PENDING;
	connection.start_ns = bpf_ktime_get_boot_ns();
	__builtin_memcpy(connection.address, packet.destination, 16);
	connection.port = packet.destination_port;
	connection.proto = IPPROTO_TCP;
	connection.direction = RW_DIRECTION_OUT;
	judge_connection(&connection, slot, index, &result);
	connection.flags |= CONNECTION_JUDGED;
	if (result.verdict == RW_VERDICT_BLOCKED) {
		connection.reason = RW_REASON_NO_STATE;
		verdict = deny_syn(&connection);
	}
	cookie = bpf_get_socket_cookie(skb);
	bpf_map_update_elem(&connections, &cookie, &connection, BPF_ANY);
	return verdict;
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
