/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The server's proof in its SYN-ACK: what connect() could judge only
 * provisionally is settled before the application hears of a connection.
 */
#ifndef RINGWALL_ANSWER_H
#define RINGWALL_ANSWER_H

/*
 * Refused for good: this SYN-ACK and all later ones are dropped, the socket
 * gets one more timeout instead of the usual two minutes.
 */
static __always_inline int deny_answer(struct connection *connection, int fault)
{
	if (fault > RW_PROOF_FAULT_MISSING)
		connection->reason = RW_REASON_WRONG_PROOF;
	last_hold_jiffies = bpf_jiffies64();
	connection->flags |= CONNECTION_DENIED;
	record_denied(connection, 0);
	return DROP;
}

static __always_inline bool may_yet_answer(const struct connection *connection)
{
	return agent_answers() &&
	       elapsed_ns(connection->start_ns) < PROOF_WAIT_NS;
}

static __always_inline int judge_answer(struct __sk_buff *skb,
				   const struct headers *packet,
				   struct connection *connection)
{
	struct judgement result = {};
	struct rw_slot *slot;
	struct proof proof;
	__u32 index;

	if (connection->flags & CONNECTION_DENIED)
		return DROP;
	slot = slot_of(connection, &index);
	if (!slot)
		return PASS;
	proof = take_proof(skb, packet, connection);
	count_proof(connection, packet, proof.fault);
	judge_connection(connection, slot, index, &result);
	if (result.verdict != RW_VERDICT_BLOCKED)
		return PASS;
	/* One with a fast open cookie has no room; the next one has. */
	if (proof.fault == RW_PROOF_FAULT_MISSING && may_yet_answer(connection))
		return DROP;
	if (lacks_proof(connection, proof.fault) &&
	    waits_for_proof(connection, packet, slot, index)) {
		count(RW_COUNT_HOLDS);
		return DROP;
	}
	return deny_answer(connection, proof.fault);
}

#endif
