/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From what a socket carries to a verdict that it carries. */
#ifndef RINGWALL_VERDICT_H
#define RINGWALL_VERDICT_H

/*
 * Judges the socket with what is known of its process now; `result` tells the
 * caller more than the socket keeps. Returns whether the process was known.
 */
static __always_inline bool judge_socket(struct socket_state *socket,
					 struct rw_slot *slot, __u32 slot_index,
					 struct judgement *result)
{
	struct attempt attempt = { .slot = slot_index };
	bool known;

	resolve_process(&socket->process, socket->start_ns);
	attempt.identity = identity_of(&socket->process);
	attempt.agent = !!(socket->process.flags & RW_TASK_AGENT);
	__builtin_memcpy(attempt.address, socket->address, 16);
	attempt.port = socket->port;
	attempt.proto = socket->proto;
	attempt.direction = socket->direction;
	judge(&attempt, slot, result);
	known = is_known(&socket->process, attempt.identity);

	socket->identity = attempt.identity;
	socket->subject = attempt.subject;
	socket->peer_class = attempt.peer_class;
	socket->generation = slot->generation;
	socket->rule = result->rule;
	socket->verdict = result->verdict;
	socket->reason = result->reason;
	if (known)
		socket->flags |= SOCKET_JUDGED;
	return known;
}

/* An unknown process was refused, and there is nothing left to wait for. */
static __always_inline bool settle_unknown(struct socket_state *socket,
					   const struct judgement *result,
					   __u8 reason)
{
	socket->flags |= SOCKET_JUDGED;
	if (result->fail_open && result->reason != RW_REASON_IMMEDIATE_DENY) {
		socket->verdict = RW_VERDICT_WOULD_BLOCK;
		socket->reason = RW_REASON_FAIL_OPEN;
		return true;
	}
	socket->reason = reason;
	return false;
}

#endif
