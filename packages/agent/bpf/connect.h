/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Outbound, at the system call: connect() and sendto(). Known software gets
 * its verdict here. In block mode the SYN of unknown software is let through
 * to the egress hook, which keeps it back until the agent has answered: the
 * application waits some 50 ms and sees no error. A datagram has nothing that
 * would be sent again by the kernel, and dropping it silently would look like
 * a network fault for seconds, so an unknown sender gets an error at once.
 */
#ifndef RINGWALL_CONNECT_H
#define RINGWALL_CONNECT_H

#define CONNECTION_REFUSED 111
#define PROTO_MPTCP 262
#define REPLY_NS (30ULL * 1000 * 1000 * 1000)
#define REPLY_ANSWERED_NS (180ULL * 1000 * 1000 * 1000)

static __always_inline int refuse(void)
{
	if (refuse_with_reset)
		bpf_set_retval(-CONNECTION_REFUSED);
	return 0;
}

/* The unspecified address means this host. */
static __always_inline void set_address4(__u8 address[16], __u32 ip)
{
	__u32 *word = (__u32 *)address;

	word[0] = 0;
	word[1] = 0;
	word[2] = bpf_htonl(0xffff);
	word[3] = ip ? ip : bpf_htonl(0x7f000001);
}

static __always_inline void set_address6(__u8 address[16], __u32 a, __u32 b,
					 __u32 c, __u32 d)
{
	__u32 *word = (__u32 *)address;

	if (!a && !b && c == bpf_htonl(0xffff)) {
		set_address4(address, d);
		return;
	}
	word[0] = a;
	word[1] = b;
	word[2] = c;
	word[3] = a || b || c || d ? d : bpf_htonl(1);
}

static __always_inline bool same_address(const __u8 a[16], const __u8 b[16])
{
	const __u32 *x = (const __u32 *)a;
	const __u32 *y = (const __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

/* The place of an inbound connection while its handshake runs. */
static __always_inline struct arrival *arrival_at(const __u8 address[16],
						  __u16 peer_port, __u16 port)
{
	const __u32 *word = (const __u32 *)address;
	__u32 hash = word[0] ^ word[1] ^ word[2] ^ word[3];

	hash = (hash ^ peer_port << 16 ^ port) * 0x9e3779b1U;
	hash = hash >> 20 & (ARRIVALS - 1);
	return bpf_map_lookup_elem(&arrivals, &hash);
}

static __always_inline bool is_arrival(const struct arrival *arrival,
				       const __u8 address[16], __u16 peer_port,
				       __u16 port)
{
	return arrival->peer_port == peer_port &&
	       arrival->connection.port == port &&
	       same_address(arrival->connection.address, address);
}

/* What an outbound call asks for. */
struct target {
	__u8 address[16];
	__u16 port;
	__u8 proto;
	__u8 pad[5];
};

static __always_inline void start_outbound(struct connection *connection,
					   const struct rw_process *process,
					   const struct target *target)
{
	__builtin_memset(connection, 0, sizeof(*connection));
	connection->process = *process;
	connection->start_ns = bpf_ktime_get_boot_ns();
	__builtin_memcpy(connection->address, target->address, 16);
	connection->port = target->port;
	connection->proto = target->proto;
	connection->direction = RW_DIRECTION_OUT;
}

/* Bytes of the flow so far; a socket may turn to another peer any time. */
static __always_inline void flush_datagrams(struct connection *connection)
{
	__u64 bytes_out = connection->bytes_out;
	__u64 bytes_in = connection->bytes_in;

	if (!bytes_out && !bytes_in)
		return;
	__sync_fetch_and_add(&connection->bytes_out, -bytes_out);
	__sync_fetch_and_add(&connection->bytes_in, -bytes_in);
	record_flow(connection, RW_STATE_ESTABLISHED, 0, bytes_out, bytes_in);
}

/* Does this datagram answer one that came to the same socket? */
static __always_inline bool is_reply(__u64 cookie, const struct target *target)
{
	struct datagram_key key = {};
	struct datagram_value *heard;
	__u64 age;

	key.socket_cookie = cookie;
	__builtin_memcpy(key.address, target->address, 16);
	key.port = target->port;
	heard = bpf_map_lookup_elem(&datagrams, &key);
	if (!heard)
		return false;
	age = bpf_ktime_get_boot_ns() - heard->time_ns;
	if (age > (heard->answered ? REPLY_ANSWERED_NS : REPLY_NS))
		return false;
	heard->answered = 1;
	return true;
}

static __always_inline bool same_flow(const struct connection *connection,
				      const struct target *target,
				      const struct rw_process *process)
{
	return connection->port == target->port &&
	       same_address(connection->address, target->address) &&
	       same_process(&connection->process, process);
}

/*
 * Is this datagram one of a flow that was judged, or a reply? Otherwise a new
 * flow begins, and the bytes of the one before are counted.
 */
static __always_inline bool continues(__u64 cookie, const struct target *target,
				      const struct rw_process *process,
				      __u64 generation)
{
	struct connection *connection;

	connection = bpf_map_lookup_elem(&connections, &cookie);
	if (connection && (connection->flags & CONNECTION_RECORDED) &&
	    connection->verdict != RW_VERDICT_BLOCKED &&
	    connection->generation == generation &&
	    same_flow(connection, target, process))
		return true;
	if (is_reply(cookie, target))
		return true;
	if (connection && (connection->flags & CONNECTION_RECORDED))
		flush_datagrams(connection);
	return false;
}

/* Counts the flow once; its bytes follow. */
static __always_inline void record_datagrams(struct connection *connection)
{
	connection->flags |= CONNECTION_RECORDED;
	record_flow(connection, RW_STATE_ESTABLISHED, 1, 0, 0);
	if (connection->verdict == RW_VERDICT_WOULD_BLOCK_ALERT)
		report_denial(connection, 0);
}

/* May unknown software go on for now: its SYN is held, or all fails open? */
static __always_inline bool may_wait(struct connection *connection,
				     const struct judgement *result,
				     bool datagram)
{
	bool answers = agent_answers();

	if (datagram)
		count(RW_COUNT_PENDING_DATAGRAMS);
	if (!datagram && answers) {
		connection->flags |= CONNECTION_HELD;
		last_hold_jiffies = bpf_jiffies64();
		return true;
	}
	if (!answers && settle_unknown(connection, result,
				       RW_REASON_HOLD_GIVE_UP))
		return true;
	if (datagram)
		connection->reason = RW_REASON_PENDING_DATAGRAM;
	return false;
}

/* No room to follow the connection: its verdict holds all the same. */
static __always_inline int pass_untracked(struct bpf_sock_addr *ctx,
					  struct connection *connection,
					  bool datagram)
{
	struct listening *mark;

	count(RW_COUNT_CONNECTIONS_FULL);
	if (connection->flags & CONNECTION_HELD) {
		connection->reason = RW_REASON_HOLD_GIVE_UP;
		record_denied(connection, 0);
		return refuse();
	}
	if (datagram || !ctx->sk)
		return 1;
	record_flow(connection, RW_STATE_ATTEMPTED, 1, 0, 0);
	mark = bpf_sk_storage_get(&bound_sockets, ctx->sk, 0,
				  BPF_SK_STORAGE_GET_F_CREATE);
	if (mark)
		mark->untracked = 1;
	else
		count(RW_COUNT_STORAGE_FAILED);
	return 1;
}

/*
 * connect() of a datagram socket alone sends nothing: resolvers do it to every
 * address of a name to learn which source address would be used. The flow
 * begins with the first datagram, at the egress hook.
 */
static __always_inline int judge_outbound(struct bpf_sock_addr *ctx,
					  const struct target *target,
					  bool datagram, bool sends)
{
	struct judgement result = {};
	struct connection connection;
	struct rw_process process;
	struct rw_slot *slot;
	__u64 cookie;
	__u32 index;
	bool known;

	slot = live_slot(&index);
	if (!slot)
		return 1;
	current_process(&process);
	cookie = bpf_get_socket_cookie(ctx);
	if (datagram && continues(cookie, target, &process, slot->generation))
		return 1;
	start_outbound(&connection, &process, target);
	known = judge_connection(&connection, slot, index, &result);
	if (!known)
		report_miss(&process);
	if (result.verdict == RW_VERDICT_BLOCKED) {
		bool unknown = !known && result.mode == RW_MODE_BLOCK;

		if (!unknown || !may_wait(&connection, &result, datagram)) {
			record_denied(&connection, 0);
			return refuse();
		}
	} else if (datagram && sends && known) {
		record_datagrams(&connection);
	}
	if (bpf_map_update_elem(&connections, &cookie, &connection, BPF_ANY))
		return pass_untracked(ctx, &connection, datagram);
	return 1;
}

static __always_inline int outbound(struct bpf_sock_addr *ctx,
				    struct target *target, bool sends)
{
	__u32 proto = ctx->protocol;
	__u32 type = ctx->type;
	bool datagram = type == SOCK_DGRAM;

	target->port = bpf_ntohs(ctx->user_port);
	target->proto = proto;
	if (type == SOCK_STREAM) {
		if (proto != IPPROTO_TCP && proto != PROTO_MPTCP)
			return 1;
		target->proto = IPPROTO_TCP;
	} else if (!datagram ||
		   (proto != IPPROTO_UDP && proto != IPPROTO_UDPLITE)) {
		return 1;
	}
	return judge_outbound(ctx, target, datagram, sends);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	struct target target = {};

	set_address4(target.address, ctx->user_ip4);
	return outbound(ctx, &target, false);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	struct target target = {};

	set_address6(target.address, ctx->user_ip6[0], ctx->user_ip6[1],
		     ctx->user_ip6[2], ctx->user_ip6[3]);
	return outbound(ctx, &target, false);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	struct target target = {};

	set_address4(target.address, ctx->user_ip4);
	return outbound(ctx, &target, true);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	struct target target = {};

	set_address6(target.address, ctx->user_ip6[0], ctx->user_ip6[1],
		     ctx->user_ip6[2], ctx->user_ip6[3]);
	return outbound(ctx, &target, true);
}

/* A socket that is bound may listen: keep who it belongs to. */
static __always_inline int own_socket(struct bpf_sock *ctx)
{
	struct listening *bound;

	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != PROTO_MPTCP)
		return 1;
	bound = bpf_sk_storage_get(&bound_sockets, ctx, 0,
				   BPF_SK_STORAGE_GET_F_CREATE);
	if (!bound) {
		count(RW_COUNT_STORAGE_FAILED);
		return 1;
	}
	current_process(&bound->process);
	bound->since_ns = bpf_ktime_get_boot_ns();
	return 1;
}

SEC("cgroup/post_bind4")
int post_bind4(struct bpf_sock *ctx)
{
	return own_socket(ctx);
}

SEC("cgroup/post_bind6")
int post_bind6(struct bpf_sock *ctx)
{
	return own_socket(ctx);
}

/* What a datagram socket has not reported yet. */
static __always_inline void end_datagrams(struct connection *connection)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;

	if (connection->flags & CONNECTION_RECORDED) {
		if (connection->verdict != RW_VERDICT_BLOCKED)
			flush_datagrams(connection);
		return;
	}
	if (!connection->bytes_out && !connection->bytes_in)
		return;
	slot = live_slot(&index);
	if (!slot)
		return;
	judge_connection(connection, slot, index, &result);
	/* They were sent: what would refuse them now came too late. */
	if (result.verdict == RW_VERDICT_BLOCKED)
		connection->verdict = RW_VERDICT_WOULD_BLOCK;
	record_flow(connection, RW_STATE_ESTABLISHED, 1, connection->bytes_out,
		    connection->bytes_in);
}

/*
 * The end of a datagram socket, and of a connect() that never sent its SYN.
 * Connections end in their last state, which comes later.
 */
SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *ctx)
{
	struct connection *connection;
	__u64 cookie;

	if (ctx->protocol == IPPROTO_TCP && ctx->state != BPF_TCP_CLOSE)
		return 1;
	cookie = bpf_get_socket_cookie(ctx);
	connection = bpf_map_lookup_elem(&connections, &cookie);
	if (!connection)
		return 1;
	if (connection->proto != IPPROTO_TCP)
		end_datagrams(connection);
	bpf_map_delete_elem(&connections, &cookie);
	return 1;
}

#endif
