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

static __always_inline int refuse(void)
{
	if (refuse_with_reset)
		bpf_set_retval(-CONNECTION_REFUSED);
	return 0;
}

static __always_inline void start_outbound(struct connection *connection,
					   const struct target *target)
{
	__builtin_memset(connection, 0, sizeof(*connection));
	current_process(&connection->process);
	connection->start_ns = recent_ns();
	__builtin_memcpy(connection->address, target->address, 16);
	connection->port = target->port;
	connection->peer_port = target->port;
	connection->proto = target->proto;
	connection->direction = RW_DIRECTION_OUT;
}

/* Its SYN stays here, and is sent again soon. */
static __always_inline void hold_syn(struct connection *connection)
{
	connection->flags |= CONNECTION_HELD;
	last_hold_jiffies = bpf_jiffies64();
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
		hold_syn(connection);
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
	/* Nobody would judge the SYN-ACK, so any server would do. */
	if (!datagram && must_be_proved(connection)) {
		connection->verdict = RW_VERDICT_BLOCKED;
		connection->reason = RW_REASON_NO_PROOF;
		connection->rule = 0;
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
static __noinline int judge_outbound(struct bpf_sock_addr *ctx,
				     const struct target *target,
				     bool datagram, bool sends)
{
	struct connection *own;
	struct judgement result = {};
	struct connection connection;
	struct rw_slot *slot;
	__u64 cookie;
	bool known, numberless = false;
	__u32 index;
	int place;

	start_outbound(&connection, target);
	slot = slot_of(&connection, &index);
	if (!slot)
		return 1;
	cookie = bpf_get_socket_cookie(ctx);
	expect_proof(&connection);
	known = judge_often(&connection, slot, index, &result);
	if (!known)
		report_miss(&connection.process);
	if (awaits_description(connection.process.cgroup_id)) {
		/* A datagram is dropped on its way out; nobody has judged it. */
		if (datagram)
			connection.flags = CONNECTION_HELD;
		else
			hold_syn(&connection);
	} else if (result.verdict == RW_VERDICT_BLOCKED) {
		bool unknown = !known && result.mode == RW_MODE_BLOCK;

		if (known && awaits_name(&connection, &result)) {
			hold_syn(&connection);
		} else if (!unknown || !may_wait(&connection, &result, datagram)) {
			record_denied(&connection, 0);
			return refuse();
		}
	} else if (datagram && sends && known) {
		record_datagrams(&connection);
		begin_flow(&connection);
	} else {
		numberless = !datagram && awaits_number(&connection);
		if (numberless)
			hold_syn(&connection);
	}
	place = claim_place(cookie);
	own = datagram ? former_at(place, cookie) : NULL;
	if (own)
		leave_place(own, cookie, target->proto, target->address,
			    target->port);
	if (fill_place(place, cookie, &connection))
		return 1;
	if (numberless)
		connection.flags &= ~CONNECTION_HELD;
	return pass_untracked(ctx, &connection, datagram);
}

static __always_inline int outbound(struct bpf_sock_addr *ctx,
				    struct target *target, bool sends)
{
	const __u64 *half = (const __u64 *)target->address;
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
	if (datagram && continues(bpf_get_socket_cookie(ctx), half[0], half[1],
				  target->port | proto << 16))
		return 1;
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

#endif
