/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Flows of datagrams: one socket and one peer. */
#ifndef RINGWALL_DATAGRAM_H
#define RINGWALL_DATAGRAM_H

#define REPLY_NS (30ULL * 1000 * 1000 * 1000)
#define REPLY_ANSWERED_NS (180ULL * 1000 * 1000 * 1000)

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

#endif
