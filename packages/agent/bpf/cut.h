/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Open connections and a revision that has not judged them. The program is
 * attached nowhere: the loader runs it for one connection after the other
 * (BPF_PROG_TEST_RUN) and destroys those that it says, so that the kernel's own
 * look-up decides and no second one in user space.
 */
#ifndef RINGWALL_CUT_H
#define RINGWALL_CUT_H

#define COOKIE_AT 14 /* behind the Ethernet header that a test run wants */

/* Whoever is not known yet may still turn out to be allowed. */
static __always_inline bool may_turn_out(const struct connection *connection)
{
	return !(connection->flags & CONNECTION_JUDGED) && agent_answers() &&
	       elapsed_ns(connection->start_ns) < HOLD_NS;
}

/* 1: to be cut. It is told here, as its end does not know why. */
SEC("tc")
int judge_again(struct __sk_buff *skb)
{
	struct connection *connection;
	__u64 cookie = 0;

	if (bpf_skb_load_bytes(skb, COOKIE_AT, &cookie, sizeof(cookie)))
		return 0;
	connection = find_connection(cookie);
	if (!connection || connection->proto != IPPROTO_TCP ||
	    (connection->flags & (CONNECTION_HELD | CONNECTION_DENIED)))
		return 0;
	if (may_turn_out(connection) || still_holds(connection))
		return 0;
	record_denied(connection, 0);
	keep(connection);
	return 1;
}

#endif
