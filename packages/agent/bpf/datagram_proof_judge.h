/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a datagram proved at the device, as its socket's hook judges by it. */
#ifndef RINGWALL_DATAGRAM_PROOF_JUDGE_H
#define RINGWALL_DATAGRAM_PROOF_JUDGE_H

static __always_inline void count_datagram_proof(const __u8 source[16],
						 __u8 fault)
{
	struct rw_proof_counts *counts =
		bpf_map_lookup_elem(&datagram_proof_counts, source);

	if (!counts)
		return;
	if (!fault)
		__sync_fetch_and_add(&counts->proved, 1);
	else if (fault == RW_PROOF_FAULT_MISSING)
		__sync_fetch_and_add(&counts->missing, 1);
	else
		__sync_fetch_and_add(&counts->wrong, 1);
}

/*
 * Reads what a datagram that opens a flow proved into the connection that is
 * being judged. `ports`: the own one, << 16 | the peer's. Returns enum
 * rw_proof_fault, 0 also where no proof is expected. Global and all numbers:
 * the verifier walks it once.
 */
__noinline int find_datagram_proof(__u64 peer_first, __u64 peer_second,
				   __u64 own_first, __u64 own_second,
				   __u32 ports)
{
	struct datagram_proof_key key = {};
	__u8 fault = RW_PROOF_FAULT_MISSING;
	struct connection *connection;
	struct datagram_proof *state;
	struct rw_proof_peer *peer;
	__u32 zero = 0;

	*(__u64 *)key.peer = peer_first;
	*(__u64 *)(key.peer + 8) = peer_second;
	*(__u64 *)key.own = own_first;
	*(__u64 *)(key.own + 8) = own_second;
	key.own_port = ports >> 16;
	key.peer_port = ports;
	connection = bpf_map_lookup_elem(&inbound_work, &zero);
	peer = bpf_map_lookup_elem(&proof_peers, key.peer);
	if (!connection || !peer || !peer->datagram_path)
		return 0;
	connection->remote = may_lack_proof(peer) ? RW_REMOTE_NONE :
						    RW_REMOTE_UNKNOWN;
	state = bpf_map_lookup_elem(&datagram_proofs, &key);
	if (state && state->heard_ns &&
	    bpf_ktime_get_boot_ns() - state->heard_ns < HEARD_FOR_NS) {
		fault = state->fault;
		connection->remote_number = state->number;
		connection->remote = fault ? RW_REMOTE_UNKNOWN :
					     RW_REMOTE_FIRST;
		state->heard_ns = 0;
	}
	count_datagram_proof(key.peer, fault);
	return fault;
}

static __always_inline int read_datagram_proof(const struct headers *packet)
{
	const __u64 *source = (const __u64 *)packet->source;
	const __u64 *destination = (const __u64 *)packet->destination;

	if (!proof_switches(RW_PROOF_SWITCH_ON))
		return 0;
	return find_datagram_proof(source[0], source[1], destination[0],
				   destination[1],
				   packet->destination_port << 16 |
					   packet->source_port);
}

static __always_inline void explain_datagram(struct connection *connection,
					     int fault)
{
	if (fault > RW_PROOF_FAULT_MISSING)
		connection->reason = RW_REASON_WRONG_PROOF;
	else if (connection->remote != RW_REMOTE_NONE && !connection->rule &&
		 connection->reason == RW_REASON_RULE_DENY)
		/* Only what is written for remote classes denies by no rule. */
		connection->reason = RW_REASON_NO_PROOF;
}

#endif
