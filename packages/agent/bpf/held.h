/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* SYNs that leave later, or never. */
#ifndef RINGWALL_HELD_H
#define RINGWALL_HELD_H

#define HOLD_NS (RW_HOLD_MS_MAX * 1000ULL * 1000)

static __always_inline struct connection *connection_at(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb);

	return find_connection(cookie);
}

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

static __noinline int judge_held_syn(struct connection *connection)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;
	bool known;

	if (awaits_description(connection->process.cgroup_id)) {
		count(RW_COUNT_HOLDS);
		return DROP;
	}
	slot = slot_of(connection, &index);
	if (!slot)
		return PASS;
	known = judge_connection(connection, slot, index, &result);
	if (result.verdict != RW_VERDICT_BLOCKED) {
		if (awaits_number(connection)) {
			count(RW_COUNT_HOLDS);
			if (!known)
				report_miss(&connection->process);
			return DROP;
		}
		return release_syn(connection);
	}
	if (known && awaits_name(connection, &result)) {
		count(RW_COUNT_HOLDS);
		return DROP;
	}
	if (known)
		return deny_syn(connection);
	if (elapsed_ns(connection->start_ns) < HOLD_NS &&
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

/*
 * Just after other programs' place was taken, a SYN may be of a connect() that
 * they saw, and the loader still be taking over what they knew of it.
 */
static __always_inline bool may_be_carried(void)
{
	return bpf_jiffies64() < taken_over_until_jiffies;
}

/* A SYN that no connect() hook has seen: judged as unknown software. */
static __noinline int judge_stray_syn(struct __sk_buff *skb, __u64 cgroup_id)
{
	struct judgement result = {};
	struct connection connection = {};
	struct headers packet = {};
	struct rw_slot *slot;
	__u64 cookie;
	__u32 index;
	int verdict = PASS;

	count(RW_COUNT_NO_STATE);
	slot = live_slot(cgroup_id, RW_DIRECTION_OUT, &index);
	if (!slot)
		return PASS;
	if (parse(skb, &packet, IPPROTO_TCP) != PARSED) {
		count(RW_COUNT_UNPARSED);
		return blocks(slot->mode_out) ? DROP : PASS;
	}
	connection.process.flags = RW_TASK_PENDING;
	connection.process.cgroup_id = cgroup_id;
	connection.start_ns = recent_ns();
	__builtin_memcpy(connection.address, packet.destination, 16);
	connection.port = packet.destination_port;
	connection.proto = IPPROTO_TCP;
	connection.direction = RW_DIRECTION_OUT;
	judge_connection(&connection, slot, index, &result);
	connection.flags |= CONNECTION_JUDGED;
	if (result.verdict == RW_VERDICT_BLOCKED && may_be_carried()) {
		count(RW_COUNT_HOLDS);
		return DROP;
	}
	if (result.verdict == RW_VERDICT_BLOCKED) {
		connection.reason = RW_REASON_NO_STATE;
		verdict = deny_syn(&connection);
	}
	cookie = bpf_get_socket_cookie(skb);
	put_connection(cookie, &connection);
	return verdict;
}

#endif
