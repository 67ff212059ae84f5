/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Flows of datagrams: one socket and one peer. */
#ifndef RINGWALL_DATAGRAM_H
#define RINGWALL_DATAGRAM_H

/* What an outbound call asks for. */
struct target {
	__u8 address[16];
	__u16 port;
	__u8 proto;
	__u8 pad[5];
};

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

/* What it goes on as: no rule of the policy in force allows it. */
static __always_inline void keep(struct connection *connection)
{
	connection->verdict = RW_VERDICT_ALLOWED;
	connection->reason = RW_REASON_KEPT;
	connection->rule = 0;
}

/*
 * An open flow meets a revision that did not judge it. One that is denied now
 * goes on, without the rule that once allowed it, unless the revision cuts. An
 * echo is nothing that is open.
 */
static __noinline bool still_holds(struct connection *connection)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;

	slot = slot_of(connection, &index);
	if (!slot || connection->generation == slot->generation)
		return true;
	judge_connection(connection, slot, index, &result);
	if (connection->verdict != RW_VERDICT_BLOCKED)
		return true;
	if (connection->proto == IPPROTO_ICMP)
		return false;
	if (slot->flags & RW_SLOT_CUT) {
		connection->reason = RW_REASON_CUT;
		return false;
	}
	keep(connection);
	return true;
}

/*
 * Is this datagram a reply, or one of a flow that this process opened?
 * Otherwise a new flow begins, and the bytes of the one before are counted.
 */
static __always_inline bool continues(__u64 cookie, const struct target *target,
				      const struct rw_process *process)
{
	struct connection *connection;
	struct datagram_flow *flow;

	flow = find_datagram(cookie, target->address, target->port);
	if (flow) {
		bool reply = flow->connection.direction == RW_DIRECTION_IN;
		bool ours = (flow->connection.flags & CONNECTION_RECORDED) &&
			    same_process(&flow->connection.process, process);

		if ((reply || ours) && still_holds(&flow->connection)) {
			touch(flow, reply);
			return true;
		}
	}
	connection = find_connection(cookie);
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
	slot = slot_of(connection, &index);
	if (!slot)
		return;
	judge_connection(connection, slot, index, &result);
	/* They were sent: what would refuse them now came too late. */
	if (result.verdict == RW_VERDICT_BLOCKED)
		connection->verdict = RW_VERDICT_WOULD_BLOCK;
	record_flow(connection, RW_STATE_ESTABLISHED, 1, connection->bytes_out,
		    connection->bytes_in);
}

#endif
