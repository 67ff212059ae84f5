/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections that are older than the programs. Attached nowhere: the loader
 * runs it for each socket that it finds (BPF_PROG_TEST_RUN). One whose process
 * is not known yet is left for the next time.
 */
#ifndef RINGWALL_ADOPT_H
#define RINGWALL_ADOPT_H

static __always_inline bool fill_adopted(struct connection *connection,
					 const struct rw_adoption *found)
{
	struct rw_task *task = bpf_map_lookup_elem(&tasks, &found->tgid);

	if (!task)
		return false;
	__builtin_memset(connection, 0, sizeof(*connection));
	adopt_task(&connection->process, task);
	connection->process.tgid = found->tgid;
	connection->process.uid = found->uid;
	connection->process.cgroup_id = task->cgroup_id;
	connection->start_ns = recent_ns();
	__builtin_memcpy(connection->address, found->address, 16);
	connection->port = found->port;
	connection->peer_port = found->port;
	connection->proto = found->proto;
	connection->direction = found->direction;
	return true;
}

/* It is open: what would refuse it now came too late. */
static __always_inline bool judge_adopted(struct connection *connection)
{
	struct judgement result = {};
	struct rw_slot *slot;
	__u32 index;

	slot = slot_of(connection, &index);
	if (!slot || !judge_connection(connection, slot, index, &result))
		return false;
	if (connection->verdict == RW_VERDICT_BLOCKED)
		connection->verdict = RW_VERDICT_WOULD_BLOCK;
	connection->flags |= CONNECTION_RECORDED;
	/* No revision has judged it in time to refuse it. */
	connection->generation = 0;
	return true;
}

/*
 * 1: taken over, or would be. A datagram socket is judged when it sends. Without
 * a place it would be met, and counted, each time again.
 */
SEC("tc")
int adopt(struct __sk_buff *skb)
{
	struct connection connection;
	struct rw_adoption found;

	if (bpf_skb_load_bytes(skb, COOKIE_AT, &found, sizeof(found)) ||
	    find_connection(found.cookie) ||
	    !fill_adopted(&connection, &found))
		return 0;
	if (found.asks)
		return 1;
	if (found.proto == IPPROTO_TCP && !judge_adopted(&connection))
		return 0;
	if (!put_connection(found.cookie, &connection)) {
		count(RW_COUNT_CONNECTIONS_FULL);
		return 0;
	}
	if (found.proto == IPPROTO_TCP)
		record_flow(&connection, RW_STATE_ESTABLISHED, 1, 0, 0);
	return 1;
}

#endif
