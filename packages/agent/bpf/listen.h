/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who waits for others: listen() on TCP, bind() to a port. There is no peer
 * yet, so RW_SOMEBODY is asked for: the least severe verdict that any peer could
 * meet. A bound port may be a client's as well: bind() is refused only to whom
 * nobody may reach and who may reach nobody. Kernels with LSM refuse listen();
 * elsewhere it is told, and each connection is refused. Loopback addresses, and
 * ports that the kernel chooses, are never judged; nor is unknown software, nor
 * the agent. docs/dataplane.md, "Listening".
 */
#ifndef RINGWALL_LISTEN_H
#define RINGWALL_LISTEN_H

#define EPHEMERAL_PORT_FIRST 32768 /* UDP: resolvers choose theirs above it */
#define TCP_LISTENING 10

/* A socket's own address: the unspecified one is not the loopback here. */
static __always_inline bool is_loopback4(__u32 ip)
{
	return (ip & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
}

static __always_inline bool is_loopback6(__u32 a, __u32 b, __u32 c, __u32 d)
{
	if (a || b)
		return false;
	if (c == bpf_htonl(0xffff))
		return is_loopback4(d);
	return !c && d == bpf_htonl(1);
}

/*
 * What somebody would meet at a channel (port, proto << 16, direction << 24): a
 * rule, and the verdict << 32; ALLOWED also where nothing is to be said. A
 * function of its own so that its frame is gone when something is recorded.
 */
static __noinline __u64 ask_somebody(__u32 identity, __u32 index, __u32 channel)
{
	__u32 number = index & SLOT_MASK;
	__u32 outcome, deny;
	struct rw_slot *slot;
	__u32 *class;
	__u64 entry;
	void *map;

	slot = bpf_map_lookup_elem(&slots, &number);
	if (!slot || !identity)
		return (__u64)RW_VERDICT_ALLOWED << 32;
	/* Not find_subject: an attempt is 32 bytes of stack too many here. */
	map = bpf_map_lookup_elem(&subjects, &number);
	class = map ? bpf_map_lookup_elem(map, &identity) : NULL;
	/* As who is not known yet. */
	if (!class)
		return (__u64)RW_VERDICT_ALLOWED << 32;
	entry = find_policy(number, *class, RW_SOMEBODY, channel, 0);
	if ((__u8)(entry >> 32) == RW_ACTION_ALLOW)
		return (__u64)RW_VERDICT_ALLOWED << 32;
	deny = slot->loopback_enforce ? 0 : DENY_SPARED;
	if (entry >> 40 & RW_POLICY_IMMEDIATE)
		deny |= DENY_IMMEDIATE;
	outcome = outcome_of_deny(channel >> 24 == RW_DIRECTION_OUT ?
					  slot->mode_out :
					  slot->mode_in,
				  deny);
	/* In block it is told, though this workload may reach itself. */
	if ((__u8)(outcome >> 8) == RW_REASON_LOOPBACK)
		outcome = RW_VERDICT_WOULD_BLOCK_ALERT;
	return (__u32)entry | (__u64)(__u8)outcome << 32;
}

static __always_inline __u64 ask_inbound(struct connection *connection,
					 __u32 index)
{
	connection->identity = identity_of(&connection->process);
	return ask_somebody(connection->identity, index,
			    connection->port | connection->proto << 16 |
				    RW_DIRECTION_IN << 24);
}

static __always_inline struct rw_slot *judging_slot(__u64 cgroup_id,
						    __u32 *index)
{
	struct rw_slot *slot = live_slot(cgroup_id, RW_DIRECTION_IN, index);

	return slot && (slot->flags & RW_SLOT_LISTENERS) ? slot : NULL;
}

static __always_inline void start_waiting(struct connection *connection,
					  const struct rw_process *process,
					  bool v4, __u16 port, __u8 proto)
{
	__builtin_memset(connection, 0, sizeof(*connection));
	connection->process = *process;
	if (v4)
		*(__u16 *)&connection->address[10] = 0xffff;
	connection->port = port;
	connection->proto = proto;
	connection->direction = RW_DIRECTION_IN;
}

static __always_inline void record_waiting(struct connection *connection,
					   const struct rw_slot *slot,
					   __u32 index, __u32 rule,
					   __u8 verdict)
{
	connection->generation = slot->generation;
	connection->workload = index >> WORKLOAD_SHIFT;
	connection->rule = rule;
	connection->verdict = verdict;
	connection->reason = RW_REASON_LISTEN;
	connection->level = RW_LEVEL_ADDRESS;
	connection->peer_class = RW_SOMEBODY;
	if (verdict == RW_VERDICT_BLOCKED)
		count(RW_COUNT_DENIED_IN);
	/* A draft is not asked: it would take nobody for the peer. */
	add_flow(connection, RW_STATE_DENIED, 1, 0, 0);
	if (verdict != RW_VERDICT_WOULD_BLOCK)
		report_denial(connection, 0);
}

static __noinline int judge_bind(const struct target *target, bool v4)
{
	struct connection connection;
	struct rw_process process;
	__u8 verdict, other;
	struct rw_slot *slot;
	__u32 index, out;
	__u64 in;

	slot = judging_slot(bpf_get_current_cgroup_id(), &index);
	if (!slot)
		return 1;
	current_process(&process);
	if (process.flags & (RW_TASK_AGENT | RW_TASK_PENDING))
		return 1;
	start_waiting(&connection, &process, v4, target->port, target->proto);
	in = ask_inbound(&connection, index);
	verdict = in >> 32;
	if (verdict == RW_VERDICT_ALLOWED)
		return 1;
	out = find_slot(process.cgroup_id, RW_DIRECTION_OUT);
	other = ask_somebody(connection.identity, out,
			     target->proto << 16 | RW_DIRECTION_OUT << 24) >>
		32;
	if (other == RW_VERDICT_ALLOWED)
		return 1;
	if (other < verdict)
		verdict = other;
	/* TCP says more at listen(). */
	if (target->proto == IPPROTO_TCP && verdict != RW_VERDICT_BLOCKED)
		return 1;
	record_waiting(&connection, slot, index, (__u32)in, verdict);
	return verdict != RW_VERDICT_BLOCKED;
}

static __always_inline int bind_to(struct bpf_sock_addr *ctx,
				   struct target *target, bool v4)
{
	__u32 proto = ctx->protocol;
	__u32 type = ctx->type;

	target->port = bpf_ntohs(ctx->user_port);
	if (!target->port)
		return 1;
	if (type == SOCK_STREAM &&
	    (proto == IPPROTO_TCP || proto == PROTO_MPTCP))
		target->proto = IPPROTO_TCP;
	else if (type == SOCK_DGRAM && proto == IPPROTO_UDP &&
		 target->port < EPHEMERAL_PORT_FIRST)
		target->proto = IPPROTO_UDP;
	else
		return 1;
	return judge_bind(target, v4);
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	struct target target = {};

	if (is_loopback4(ctx->user_ip4))
		return 1;
	return bind_to(ctx, &target, true);
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	struct target target = {};

	if (is_loopback6(ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
			 ctx->user_ip6[3]))
		return 1;
	return bind_to(ctx, &target, false);
}

/* listen(), as somebody who can't refuse it sees it: by whoever bound. */
static __noinline int told_listening(struct rw_process *process, __u16 port,
				     bool v4)
{
	struct connection connection;
	struct rw_slot *slot;
	__u8 verdict;
	__u32 index;
	__u64 in;

	if (!process || (process->flags & RW_TASK_AGENT))
		return 0;
	slot = judging_slot(process->cgroup_id, &index);
	if (!slot)
		return 0;
	start_waiting(&connection, process, v4, port, IPPROTO_TCP);
	in = ask_inbound(&connection, index);
	verdict = in >> 32;
	if (verdict == RW_VERDICT_ALLOWED)
		return 0;
	if (verdict == RW_VERDICT_BLOCKED)
		verdict = RW_VERDICT_WOULD_BLOCK_ALERT;
	record_waiting(&connection, slot, index, (__u32)in, verdict);
	return 0;
}

/* Reads all words first, like set_local. */
static __always_inline bool listens_at_loopback(struct bpf_sock_ops *ops)
{
	__u32 ip = ops->local_ip4;
	__u32 a = ops->local_ip6[0];
	__u32 b = ops->local_ip6[1];
	__u32 c = ops->local_ip6[2];
	__u32 d = ops->local_ip6[3];

	barrier_var(ip);
	barrier_var(d);
	return ops->family == AF_INET ? is_loopback4(ip) :
					is_loopback6(a, b, c, d);
}

static __always_inline void listening_begins(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;
	struct listening *bound;

	if (!sk || listens_at_loopback(ops))
		return;
	bound = bpf_sk_storage_get(&bound_sockets, sk, 0, 0);
	if (!bound)
		return;
	resolve_process(&bound->process, bound->since_ns);
	told_listening(&bound->process, ops->local_port,
		       ops->family == AF_INET);
}

#endif
