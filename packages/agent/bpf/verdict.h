/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From what is known of a connection to its verdict. */
#ifndef RINGWALL_VERDICT_H
#define RINGWALL_VERDICT_H

/*
 * Judges the connection with what is known of its process now; `result` tells
 * the caller more than the connection keeps. Returns whether the process was
 * known.
 */
static __always_inline bool judge_connection(struct connection *connection,
					     struct rw_slot *slot,
					     __u32 slot_index,
					     struct judgement *result)
{
	struct attempt attempt = { .slot = slot_index & SLOT_MASK };
	bool known;

	resolve_process(&connection->process, connection->start_ns);
	attempt.identity = identity_of(&connection->process);
	attempt.agent = !!(connection->process.flags & RW_TASK_AGENT);
	attempt.address = connection->address;
	attempt.port = connection->port;
	attempt.proto = connection->proto;
	attempt.direction = connection->direction;
	attempt.remote = connection->remote;
	attempt.remote_number = connection->remote_number;
	judge(&attempt, slot, result);
	known = is_known(&connection->process, attempt.identity);

	connection->identity = attempt.identity;
	connection->subject = attempt.subject;
	connection->peer_class = attempt.peer_class;
	connection->generation = slot->generation;
	connection->workload = slot_index >> WORKLOAD_SHIFT;
	connection->rule = result->rule;
	connection->verdict = result->verdict;
	connection->reason = result->reason;
	connection->level = attempt.remote >= RW_REMOTE_FIRST ?
				    RW_LEVEL_IN_BAND :
				    RW_LEVEL_ADDRESS;
	if (known)
		connection->flags |= CONNECTION_JUDGED;
	return known;
}

/* The same for what comes often: no look-ups where it was allowed lately. */
static __always_inline bool judge_often(struct connection *connection,
					struct rw_slot *slot, __u32 slot_index,
					struct judgement *result)
{
	__u64 change = last_change();
	bool known;

	resolve_process(&connection->process, connection->start_ns);
	if (recall_verdict(connection, slot_index, change)) {
		connection->generation = slot->generation;
		connection->workload = slot_index >> WORKLOAD_SHIFT;
		connection->flags |= CONNECTION_JUDGED;
		set_mode(result, slot, connection->direction);
		result->rule = connection->rule;
		result->verdict = connection->verdict;
		result->reason = connection->reason;
		return true;
	}
	known = judge_connection(connection, slot, slot_index, result);
	if (connection->identity && result->verdict == RW_VERDICT_ALLOWED &&
	    result->reason != RW_REASON_UNGOVERNED)
		remember_verdict(connection, slot_index, change);
	return known;
}

/* An unknown process was refused, and there is nothing left to wait for. */
static __always_inline bool settle_unknown(struct connection *connection,
					   const struct judgement *result,
					   __u8 reason)
{
	connection->flags |= CONNECTION_JUDGED;
	if (result->fail_open && result->reason != RW_REASON_IMMEDIATE_DENY) {
		connection->verdict = RW_VERDICT_WOULD_BLOCK;
		connection->reason = RW_REASON_FAIL_OPEN;
		return true;
	}
	connection->reason = reason;
	return false;
}

#endif
