/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A TCP connection's life: when it is established, when it ends, and how often
 * a SYN that is kept back is sent again.
 */
#ifndef RINGWALL_TCP_H
#define RINGWALL_TCP_H

#define SOL_TCP 6
#define TCP_SYNCNT 7
#define TIMEOUT_NS (900ULL * 1000 * 1000) /* just under the first SYN's RTO */
#define SOCKET_DONE 1 /* bit of sk_flags: the peer's FIN came */

static __always_inline void watch(struct bpf_sock_ops *ops, __u32 on, __u32 off)
{
	bpf_sock_ops_cb_flags_set(ops, (ops->bpf_sock_ops_cb_flags | on) & ~off);
}

/* Only the handshake carries proofs: other packets need not be asked about. */
static __always_inline void stop_proving(struct bpf_sock_ops *ops)
{
	if (ops->bpf_sock_ops_cb_flags & BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG)
		watch(ops, 0, BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG);
}

/* Within the time that a hold may last, and its denial be noticed. */
static __always_inline bool holds_lately(void)
{
	return last_hold_jiffies &&
	       bpf_jiffies64() - last_hold_jiffies < 10ULL * kernel_hz;
}

/*
 * Counts an established connection once its process is known. Returns false
 * while it is worth asking again.
 */
static __noinline bool record_established(struct connection *connection,
					  __u32 peer_port)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;

	if (connection->flags & CONNECTION_RECORDED)
		return true;
	if (!(connection->flags & CONNECTION_JUDGED)) {
		slot = slot_of(connection, &index);
		if (!slot)
			return true;
		if (!judge_connection(connection, slot, index, &result))
			return false;
		/* It is open already: what would refuse it now came too late. */
		if (connection->verdict == RW_VERDICT_BLOCKED)
			connection->verdict = RW_VERDICT_WOULD_BLOCK;
	}
	connection->flags |= CONNECTION_RECORDED;
	record_flow(connection, RW_STATE_ESTABLISHED, 1, 0, 0);
	if (connection->verdict == RW_VERDICT_WOULD_BLOCK_ALERT)
		report_denial(connection, peer_port);
	return true;
}

/* Its last state is told from now on, also of one that the programs met late. */
static __always_inline __u32 telling_flag(struct connection *connection)
{
	connection->flags |= CONNECTION_WATCHED;
	return BPF_SOCK_OPS_STATE_CB_FLAG;
}

static __always_inline void connecting(struct bpf_sock_ops *ops)
{
	struct connection *connection = connection_of(ops);

	if (connection)
		watch(ops,
		      BPF_SOCK_OPS_RTO_CB_FLAG | telling_flag(connection) |
			      proving_flag(connection),
		      0);
}

/* Open: its handshake is over, and its program is asked for while it is not known. */
static __always_inline void opened(struct bpf_sock_ops *ops,
				   struct connection *connection, bool known)
{
	if (known && (connection->flags & CONNECTION_WATCHED))
		stop_proving(ops);
	else
		watch(ops,
		      telling_flag(connection) |
			      (known ? 0 : BPF_SOCK_OPS_RTT_CB_FLAG),
		      BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG);
}

static __always_inline void established_out(struct bpf_sock_ops *ops)
{
	struct connection *connection = connection_of(ops);

	if (connection)
		opened(ops, connection, record_established(connection, 0));
	else
		stop_proving(ops);
}

/* A connection whose last packet did not pass the listener's hook. */
static __always_inline void start_unseen(struct connection *connection,
					 const __u8 address[16], __u16 port)
{
	struct rw_listener_key key = { .port = port, .proto = IPPROTO_TCP };
	struct rw_process *known = bpf_map_lookup_elem(&listeners, &key);

	count(RW_COUNT_NO_STATE);
	__builtin_memset(connection, 0, sizeof(*connection));
	if (known)
		connection->process = *known;
	else
		connection->process.flags = RW_TASK_PENDING;
	connection->start_ns = recent_ns();
	__builtin_memcpy(connection->address, address, 16);
	connection->port = port;
	connection->proto = IPPROTO_TCP;
	connection->direction = RW_DIRECTION_IN;
}

/*
 * A function of its own: its frame would else lie below that of a listener's
 * question, and kernels count what is below each other together.
 */
static __noinline int established_in(struct bpf_sock_ops *ops)
{
	__u16 peer_port = bpf_ntohl(ops->remote_port);
	__u64 cookie = bpf_get_socket_cookie(ops);
	__u16 port = ops->local_port;
	__u8 address[16] __attribute__((aligned(8)));
	struct connection *connection;
	struct arrival *arrival;

	set_remote(address, ops);
	arrival = arrival_at(address, peer_port, port);
	if (!arrival)
		return 0;
	if (!is_arrival(arrival, address, peer_port, port)) {
		start_unseen(&arrival->connection, address, port);
		arrival->peer_port = peer_port;
		arrival->judged = 0;
	} else if (arrival->connection.remote == RW_REMOTE_FIRST) {
		use_proof(arrival);
	}
	connection = put_connection(cookie, &arrival->connection);
	if (!connection) {
		record_established(&arrival->connection, peer_port);
		count(RW_COUNT_CONNECTIONS_FULL);
		stop_proving(ops);
		return 0;
	}
	opened(ops, connection, record_established(connection, peer_port));
	return 0;
}

/* Not answered, answered by a reset, or given up early. */
static __always_inline void closed_unanswered(struct connection *connection)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;
	__u8 state;

	if (connection->flags & CONNECTION_RECORDED)
		return;
	slot = slot_of(connection, &index);
	if (!slot)
		return;
	if (!(connection->flags & CONNECTION_JUDGED)) {
		judge_connection(connection, slot, index, &result);
		if (result.verdict == RW_VERDICT_BLOCKED)
			connection->reason = RW_REASON_HOLD_GIVE_UP;
	}
	if (connection->verdict == RW_VERDICT_BLOCKED)
		state = RW_STATE_DENIED;
	else if (connection->flags & CONNECTION_SAW_RESET)
		state = RW_STATE_REFUSED;
	else if (elapsed_ns(connection->start_ns) > TIMEOUT_NS)
		state = RW_STATE_TIMEOUT;
	else
		state = RW_STATE_ATTEMPTED;
	record_flow(connection, state, 1, 0, 0);
}

static __always_inline __u64 without(__u64 bytes, __u64 markers)
{
	return bytes > markers ? bytes - markers : 0;
}

/* Whose process nobody came to know: counted as unknown software. */
static __always_inline void closed_unknown(struct connection *connection)
{
	if (record_established(connection, 0))
		return;
	if (connection->verdict == RW_VERDICT_BLOCKED)
		connection->verdict = RW_VERDICT_WOULD_BLOCK;
	connection->flags |= CONNECTION_RECORDED;
	record_flow(connection, RW_STATE_ESTABLISHED, 1, 0, 0);
}

/* TCP's counters include what SYN and FIN take in sequence space. */
static __always_inline void record_end(const struct connection *connection,
				       struct bpf_sock *sk)
{
	struct tcp_sock *tcp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	bool sent_syn = connection->direction == RW_DIRECTION_OUT;
	struct sock_common *common;
	__u64 out, in, sent;
	bool got_fin;

	if (!tcp)
		return;
	common = &tcp->inet_conn.icsk_inet.sk.__sk_common;
	got_fin = common->skc_flags & 1UL << SOCKET_DONE;
	/* Whatever was sent, but not the FIN. */
	sent = tcp->bytes_sent - tcp->bytes_retrans;
	out = without(tcp->bytes_acked, sent_syn);
	if (out > sent)
		out = sent;
	in = without(tcp->bytes_received, got_fin);
	if (out || in)
		record_flow(connection, RW_STATE_ESTABLISHED, 0, out, in);
}

/*
 * A connection's last state. No tracepoint tells it as surely: of those that
 * tell a socket's end, bursts went unheard where many ended at once, each of
 * which would keep its place (connection-end.test.ts). A function of its own, as
 * established_in.
 */
static __noinline int closed(struct bpf_sock_ops *ops)
{
	struct connection *connection;
	__u64 cookie;

	if (ops->args[1] != BPF_TCP_CLOSE || ops->args[0] == BPF_TCP_LISTEN)
		return 0;
	cookie = bpf_get_socket_cookie(ops);
	connection = find_connection(cookie);
	if (!connection)
		return 0;
	if (ops->args[0] == BPF_TCP_SYN_SENT) {
		closed_unanswered(connection);
	} else {
		if (!(connection->flags & CONNECTION_RECORDED))
			closed_unknown(connection);
		else if (!still_holds(connection))
			keep(connection); /* over before it was cut */
		record_end(connection, ops->sk);
	}
	forget_connection(cookie);
	return 0;
}

/* A SYN that may be kept back is sent again soon. */
static __always_inline void first_timeout(struct bpf_sock_ops *ops)
{
	struct connection *connection;

	if (!holds_lately())
		return;
	connection = connection_of(ops);
	if (connection && (connection->flags & CONNECTION_HELD))
		ops->reply = kernel_hz * RW_HOLD_RTO_MS / 1000 ?: 1;
}

/* A denied SYN need not be tried for minutes: the next timeout is the last. */
static __always_inline void timed_out(struct bpf_sock_ops *ops)
{
	struct connection *connection;
	int tries = 1;

	if (!holds_lately())
		return;
	connection = connection_of(ops);
	if (connection && (connection->flags & CONNECTION_DENIED))
		bpf_setsockopt(ops, SOL_TCP, TCP_SYNCNT, &tries, sizeof(tries));
}

static __always_inline void measured(struct bpf_sock_ops *ops)
{
	struct connection *connection = connection_of(ops);

	if (!connection || record_established(connection, 0))
		watch(ops, 0, BPF_SOCK_OPS_RTT_CB_FLAG);
}

SEC("sockops")
int tcp_life(struct bpf_sock_ops *ops)
{
	switch (ops->op) {
	case BPF_SOCK_OPS_TIMEOUT_INIT:
		first_timeout(ops);
		break;
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		connecting(ops);
		break;
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		listening_begins(ops);
		watch(ops, BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG, 0);
		break;
	case BPF_SOCK_OPS_HDR_OPT_LEN_CB:
		reserve_proof(ops);
		break;
	case BPF_SOCK_OPS_WRITE_HDR_OPT_CB:
		write_proof(ops);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		established_out(ops);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		established_in(ops);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		closed(ops);
		break;
	case BPF_SOCK_OPS_RTO_CB:
		timed_out(ops);
		break;
	case BPF_SOCK_OPS_RTT_CB:
		measured(ops);
		break;
	}
	return 1;
}

#endif
