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
		return connection->verdict != RW_VERDICT_BLOCKED;
	/* What has passed so far, passed by the rule it had. */
	if (connection->flags & CONNECTION_BEGUN)
		flush_datagrams(connection);
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

/* A flow that is cut ends: what comes or goes later is judged as a new one. */
static __always_inline bool goes_on(struct connection *flow)
{
	if (still_holds(flow))
		return true;
	flow->flags &= ~CONNECTION_BEGUN;
	return false;
}

/*
 * Is what is sent to this peer a reply, or of a flow that this very process has
 * opened? `channel`: its port, proto << 16. Global and all numbers: the verifier
 * walks it once, and not again for what it found.
 */
__noinline int continues(__u64 cookie, __u64 first, __u64 second, __u32 channel)
{
	__u64 address[2] = { first, second };
	struct connection *flow;
	bool reply;

	flow = find_flow(find_connection(cookie), cookie, channel >> 16,
			 (__u8 *)address, channel);
	if (!flow)
		return false;
	reply = flow->direction == RW_DIRECTION_IN;
	if (!reply && (!(flow->flags & CONNECTION_RECORDED) ||
		       !is_current(&flow->process)))
		return false;
	if (!goes_on(flow))
		return false;
	touch(flow, reply);
	return true;
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

/* The socket's place is about to be another flow's. */
static __noinline int leave_place(struct connection *own, __u64 cookie,
				  __u8 proto, const __u8 address[16],
				  __u16 peer_port)
{
	if (own->flags & CONNECTION_RECORDED)
		flush_datagrams(own);
	if (is_alive(own) && !is_peer(own, proto, address, peer_port))
		add_datagram(cookie, own);
	else
		record_forgotten(own);
	if (own->direction == RW_DIRECTION_IN) {
		own->bytes_out = 0;
		own->bytes_in = 0;
	}
	return 0;
}

#endif
