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

static __always_inline void watch(struct bpf_sock_ops *ops, __u32 on, __u32 off)
{
	bpf_sock_ops_cb_flags_set(ops, (ops->bpf_sock_ops_cb_flags | on) & ~off);
}

static __always_inline struct socket_state *socket_of(struct bpf_sock_ops *ops,
						  __u64 flags)
{
	struct bpf_sock *sk = ops->sk;

	return sk ? bpf_sk_storage_get(&sockets, sk, 0, flags) : NULL;
}

/*
 * Counts an established connection once its process is known. Returns false
 * while it is worth asking again.
 */
static __always_inline bool record_established(struct socket_state *socket,
					       __u16 peer_port)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;

	if (socket->flags & SOCKET_RECORDED)
		return true;
	slot = live_slot(&index);
	if (!slot)
		return true;
	if (!(socket->flags & SOCKET_JUDGED)) {
		if (!judge_socket(socket, slot, index, &result))
			return false;
		/* It is open already: what would refuse it now came too late. */
		if (socket->verdict == RW_VERDICT_BLOCKED)
			socket->verdict = RW_VERDICT_WOULD_BLOCK;
	}
	socket->flags |= SOCKET_RECORDED;
	record_flow(socket, RW_STATE_ESTABLISHED, 1, 0, 0);
	if (socket->verdict == RW_VERDICT_WOULD_BLOCK_ALERT)
		report_denial(socket, peer_port);
	return true;
}

static __always_inline void established_out(struct bpf_sock_ops *ops)
{
	struct socket_state *socket;

	socket = socket_of(ops, 0);
	if (!socket)
		return;
	if (record_established(socket, 0))
		watch(ops, BPF_SOCK_OPS_STATE_CB_FLAG,
		      BPF_SOCK_OPS_RTO_CB_FLAG);
	else
		watch(ops, BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RTT_CB_FLAG,
		      BPF_SOCK_OPS_RTO_CB_FLAG);
}

/*
 * Reads all words first: a load behind a branch may become a load through a
 * computed context pointer, which the verifier refuses.
 */
static __always_inline void set_remote(__u8 address[16],
				       struct bpf_sock_ops *ops)
{
	__u32 ip = ops->remote_ip4;
	__u32 a = ops->remote_ip6[0];
	__u32 b = ops->remote_ip6[1];
	__u32 c = ops->remote_ip6[2];
	__u32 d = ops->remote_ip6[3];

	barrier_var(ip);
	barrier_var(d);
	if (ops->family == AF_INET)
		set_address4(address, ip);
	else
		set_address6(address, a, b, c, d);
}

/* The listener's state came along with the clone, if it had any. */
static __always_inline void adopt_listener(struct socket_state *socket,
					   __u16 port)
{
	struct rw_listener_key key = { .port = port, .proto = IPPROTO_TCP };
	struct rw_process *known;

	if (socket->start_ns)
		return;
	known = bpf_map_lookup_elem(&listeners, &key);
	if (known)
		socket->process = *known;
	else
		socket->process.flags = RW_TASK_PENDING;
	socket->start_ns = bpf_ktime_get_boot_ns();
}

static __always_inline void established_in(struct bpf_sock_ops *ops)
{
	__u16 peer_port = bpf_ntohl(ops->remote_port);
	__u16 port = ops->local_port;
	struct socket_state *socket;

	socket = socket_of(ops, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket) {
		count(RW_COUNT_STORAGE_FAILED);
		return;
	}
	adopt_listener(socket, port);
	socket->flags = 0;
	socket->direction = RW_DIRECTION_IN;
	socket->proto = IPPROTO_TCP;
	socket->port = port;
	set_remote(socket->address, ops);
	if (record_established(socket, peer_port))
		watch(ops, BPF_SOCK_OPS_STATE_CB_FLAG, 0);
	else
		watch(ops,
		      BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RTT_CB_FLAG, 0);
}

/* Not answered, answered by a reset, or given up early. */
static __always_inline void closed_unanswered(struct socket_state *socket)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;
	__u8 state;

	if (socket->flags & SOCKET_RECORDED)
		return;
	slot = live_slot(&index);
	if (!slot)
		return;
	if (!(socket->flags & SOCKET_JUDGED)) {
		judge_socket(socket, slot, index, &result);
		if (result.verdict == RW_VERDICT_BLOCKED)
			socket->reason = RW_REASON_HOLD_GIVE_UP;
	}
	if (socket->verdict == RW_VERDICT_BLOCKED)
		state = RW_STATE_DENIED;
	else if (socket->flags & SOCKET_SAW_RESET)
		state = RW_STATE_REFUSED;
	else if (bpf_ktime_get_boot_ns() - socket->start_ns > TIMEOUT_NS)
		state = RW_STATE_TIMEOUT;
	else
		state = RW_STATE_ATTEMPTED;
	record_flow(socket, state, 1, 0, 0);
}

static __always_inline __u64 without(__u64 bytes, __u64 markers)
{
	return bytes > markers ? bytes - markers : 0;
}

/*
 * TCP's counters include what SYN and FIN take in sequence space. Whether a
 * FIN came is not known in FIN_WAIT2, so bytes_in may be one too many.
 */
static __always_inline void record_end(struct bpf_sock_ops *ops,
				       const struct socket_state *socket,
				       __u64 times)
{
	__u32 state = ops->args[0];
	bool both = state == BPF_TCP_LAST_ACK || state == BPF_TCP_CLOSING;
	bool sent_fin = both || state == BPF_TCP_FIN_WAIT2;
	bool got_fin = both || state == BPF_TCP_CLOSE_WAIT;
	bool sent_syn = socket->direction == RW_DIRECTION_OUT;

	record_flow(socket, RW_STATE_ESTABLISHED, times,
		    without(ops->bytes_acked, sent_syn + sent_fin),
		    without(ops->bytes_received, got_fin));
}

static __always_inline void closed(struct bpf_sock_ops *ops)
{
	struct socket_state *socket;
	__u64 times = 0;

	if (ops->args[1] != BPF_TCP_CLOSE)
		return;
	socket = socket_of(ops, 0);
	if (!socket || !socket->direction)
		return;
	if (ops->args[0] == BPF_TCP_SYN_SENT) {
		closed_unanswered(socket);
		return;
	}
	if (!record_established(socket, 0)) {
		/* Never known: it is counted as unknown software. */
		if (socket->verdict == RW_VERDICT_BLOCKED)
			socket->verdict = RW_VERDICT_WOULD_BLOCK;
		times = 1;
	}
	record_end(ops, socket, times);
}

static __always_inline void connecting(struct bpf_sock_ops *ops)
{
	struct socket_state *socket;

	socket = socket_of(ops, 0);
	if (!socket)
		return;
	if (socket->flags & SOCKET_HELD)
		watch(ops, BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RTO_CB_FLAG,
		      0);
	else
		watch(ops, BPF_SOCK_OPS_STATE_CB_FLAG, 0);
}

/* A SYN that may be kept back is sent again soon. */
static __always_inline void first_timeout(struct bpf_sock_ops *ops)
{
	struct socket_state *socket;

	socket = socket_of(ops, 0);
	if (socket && (socket->flags & SOCKET_HELD))
		ops->reply = kernel_hz * RW_HOLD_RTO_MS / 1000 ?: 1;
}

/* A denied SYN need not be tried for minutes: the next timeout is the last. */
static __always_inline void timed_out(struct bpf_sock_ops *ops)
{
	struct socket_state *socket;
	int tries = 1;

	socket = socket_of(ops, 0);
	if (socket && (socket->flags & SOCKET_DENIED))
		bpf_setsockopt(ops, SOL_TCP, TCP_SYNCNT, &tries, sizeof(tries));
}

static __always_inline void measured(struct bpf_sock_ops *ops)
{
	struct socket_state *socket;

	socket = socket_of(ops, 0);
	if (!socket || record_established(socket, 0))
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
