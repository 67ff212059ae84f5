/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The server's proof in its SYN-ACK: what connect() could judge only
 * provisionally is settled before the application hears of a connection. At the
 * device where that is possible (device_answer.h), else at the socket.
 */
#ifndef RINGWALL_ANSWER_H
#define RINGWALL_ANSWER_H

#define SYN_BYTES_MAX 65536 /* its place in the sequence, and data in it */

enum answer {
	ANSWER_PASSES,
	ANSWER_WAITS, /* dropped, to be sent again */
	ANSWER_REFUSED,
};

/*
 * Refused for good, as all later ones are. Where nothing tells the socket at
 * once, it gets one more timeout instead of the usual two minutes.
 */
static __always_inline int deny_answer(struct connection *connection, int fault)
{
	if (fault > RW_PROOF_FAULT_MISSING)
		connection->reason = RW_REASON_WRONG_PROOF;
	last_hold_jiffies = bpf_jiffies64();
	connection->flags |= CONNECTION_DENIED;
	record_denied(connection, 0);
	return ANSWER_REFUSED;
}

static __always_inline bool may_yet_answer(const struct connection *connection)
{
	return agent_answers() &&
	       elapsed_ns(connection->start_ns) < PROOF_WAIT_NS;
}

/*
 * Does it acknowledge our SYN, as the kernel will ask as well (RFC 9293, 3.10.7.3)?
 * Else anybody may have sent it, and it decides nothing. While the SYN is being
 * sent, as over the loopback, TCP has not counted it yet.
 */
static __always_inline bool acknowledges(const struct headers *packet,
					 __u32 una, __u32 next)
{
	__u32 number = bpf_ntohl(packet->acknowledgement) - una;
	__u32 sent = next - una;

	return (packet->tcp_flags & TCP_ACK) && number &&
	       number <= (sent ? sent : SYN_BYTES_MAX);
}

/* What is to become of a SYN-ACK; `connection` is that in `inbound_work`. */
static __always_inline int weigh_answer(struct __sk_buff *skb,
					const struct headers *packet,
					struct connection *connection)
{
	struct judgement result = {};
	struct rw_slot *slot;
	struct proof proof;
	__u32 index;

	if (connection->flags & CONNECTION_DENIED)
		return ANSWER_REFUSED;
	slot = slot_of(connection, &index);
	if (!slot)
		return ANSWER_PASSES;
	proof = take_proof(skb, packet, connection);
	count_proof(connection, proof.fault);
	judge_inbound(index, &result);
	if (result.verdict != RW_VERDICT_BLOCKED)
		return ANSWER_PASSES;
	/* One with a fast open cookie has no room; the next one has. */
	if (proof.fault == RW_PROOF_FAULT_MISSING && may_yet_answer(connection))
		return ANSWER_WAITS;
	if (lacks_proof(connection, proof.fault) &&
	    waits_for_proof(connection, packet, slot, index)) {
		count(RW_COUNT_HOLDS);
		return ANSWER_WAITS;
	}
	/* A SYN that crosses ours. */
	if (!(packet->tcp_flags & TCP_ACK))
		return ANSWER_WAITS;
	return deny_answer(connection, proof.fault);
}

/*
 * A SYN-ACK among those to one socket. What else its proof speaks of is the
 * socket's own, so that another one of this name proves no less.
 */
static __always_inline __u64 name_of_answer(const struct headers *packet)
{
	return packet->sequence | (__u64)packet->acknowledgement << 32;
}

/*
 * The SYN-ACK that the device has let in, of a connection that waits for one:
 * what TCP carries is counted by the kernel, and this field is free. 0: none.
 */
static __always_inline __u64 *passed_answer(struct connection *connection)
{
	return &connection->bytes_out;
}

/* Has the device's program let this very SYN-ACK in, by the policy in force? */
static __always_inline bool passed_before(struct connection *connection,
					  const struct headers *packet)
{
	__u64 passed = *passed_answer(connection);
	struct rw_slot *slot;
	__u32 index;

	if (!passed || passed != name_of_answer(packet) ||
	    (connection->flags & CONNECTION_DENIED))
		return false;
	slot = slot_of(connection, &index);
	return slot && connection->generation == slot->generation &&
	       connection->workload == index >> WORKLOAD_SHIFT;
}

static __always_inline int judge_answer(struct __sk_buff *skb,
					const struct headers *packet,
					struct connection *connection)
{
	__u32 zero = 0;
	struct connection *work = bpf_map_lookup_elem(&inbound_work, &zero);
	int how;

	if (passed_before(connection, packet))
		return PASS;
	if (!work)
		return DROP;
	*work = *connection;
	how = weigh_answer(skb, packet, work);
	/* Both ends connect: such a SYN is anybody's, and may only let in. */
	if (how == ANSWER_PASSES || (packet->tcp_flags & TCP_ACK))
		*connection = *work;
	return how == ANSWER_PASSES ? PASS : DROP;
}

#endif
