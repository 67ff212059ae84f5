/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reading the proof of a datagram: at the device, since the socket's hook sees
 * no surplus area any more, and then at the socket, where it is judged.
 */
#ifndef RINGWALL_DATAGRAM_PROOF_READ_H
#define RINGWALL_DATAGRAM_PROOF_READ_H

#define PACKET_TO_US 0 /* PACKET_HOST */
#define REPEATED_FOR_NS HEARD_FOR_NS /* a bridge has it pass two devices */

/* Does it answer what this flow asked a moment ago? */
static __always_inline bool is_asked(const struct rw_proof_config *config,
				     const struct datagram_proof *state,
				     __u32 question)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u64 age = age_of(config, now, question);

	/* A step of the stamp, rounded. */
	return age < DATAGRAM_ANSWER_NS &&
	       now - age + RW_DATAGRAM_PROOF_STAMP_NS >= state->first_ns;
}

/* Was it read before? Remembers it otherwise. */
static __always_inline bool was_used(__u64 mac)
{
	__u64 *used = bpf_map_lookup_elem(&datagram_proofs_used, &mac);
	__u64 now = bpf_ktime_get_boot_ns();

	if (used)
		return now - *used > REPEATED_FOR_NS;
	bpf_map_update_elem(&datagram_proofs_used, &mac, &now, BPF_ANY);
	return false;
}

static __always_inline __u8 check_datagram(struct proof_work *work,
					   const struct rw_proof_peer *peer,
					   const struct rw_proof_config *config,
					   const struct datagram_proof *state)
{
	__u32 question = bpf_ntohl(work->message.acknowledgement);
	__u8 fault;

	if (peer->path == RW_PATH_REVOKED)
		return RW_PROOF_FAULT_KEY;
	leave_out(&work->message, peer->profile);
	fault = check_mac(work, peer, proof_epoch(config));
	if (fault)
		return fault;
	if (question && (!state || !is_asked(config, state, question)))
		return RW_PROOF_FAULT_REPLAY;
	return was_used(work->option.mac) ? RW_PROOF_FAULT_REPLAY : 0;
}

/* Asks the agent for a number that the receiver's policy does not know. */
static __always_inline void ask_if_unknown(const struct proof_work *work,
					   const struct headers *packet)
{
	__u32 number = bpf_ntohl(work->option.word) & PROOF_NUMBER_MASK;
	struct rw_slot *slot;
	__u32 index;
	void *map;

	slot = live_slot(cgroup_at(packet->destination), RW_DIRECTION_IN,
			 &index);
	if (!slot || !number)
		return;
	index &= SLOT_MASK;
	map = bpf_map_lookup_elem(&remotes, &index);
	if (map && !bpf_map_lookup_elem(map, &number))
		report_fault(work, packet, 0, RW_PROOF_FAULT_NUMBER);
}

/* What a question proved, for the hook of the socket that will get it. */
static __always_inline void keep_heard(struct datagram_proof *state,
				       const struct proof_work *work,
				       __u8 fault)
{
	state->heard_ns = bpf_ktime_get_boot_ns();
	state->fault = fault;
	state->number = bpf_ntohl(work->option.word) & PROOF_NUMBER_MASK;
	if (fault)
		return;
	/* Its answers are proved, again. */
	state->question = bpf_ntohl(work->message.sequence);
	state->sent = 0;
}

/* The proof in `work`, checked; its own function, for the verifier. */
static __noinline int hear_proof(const struct headers *packet,
				 const struct rw_proof_peer *peer,
				 struct datagram_proof *state)
{
	struct rw_proof_config *config = proof_switches(RW_PROOF_SWITCH_ON);
	struct datagram_proof_key key = {};
	struct datagram_proof fresh = {};
	struct proof_work *work;
	__u32 zero = 0;
	__u8 fault;

	work = bpf_map_lookup_elem(&proof_work, &zero);
	if (!work || !config)
		return RW_PROOF_FAULT_MISSING;
	fault = check_datagram(work, peer, config, state);
	if (!fault)
		ask_if_unknown(work, packet);
	if (work->message.acknowledgement)
		return fault;
	if (state) {
		keep_heard(state, work, fault);
		return fault;
	}
	keep_heard(&fresh, work, fault);
	set_inbound_key(&key, packet);
	bpf_map_update_elem(&datagram_proofs, &key, &fresh, BPF_ANY);
	return fault;
}

/*
 * The first answer that a flow gets from a host that proves its software: who
 * is it that answers? One that is refused is not seen by the application, and
 * the flow waits for another.
 */
static __noinline int judge_answered(struct connection *connection,
				     const struct headers *packet,
				     const struct rw_proof_peer *peer, int fault)
{
	struct judgement result = {};
	struct proof_work *work;
	__u32 index, zero = 0;
	struct rw_slot *slot;

	slot = slot_of(connection, &index);
	work = bpf_map_lookup_elem(&proof_work, &zero);
	if (!slot || !work)
		return TC_GO_ON;
	connection->remote = RW_REMOTE_UNKNOWN;
	if (!fault) {
		connection->remote = RW_REMOTE_FIRST;
		connection->remote_number =
			bpf_ntohl(work->option.word) & PROOF_NUMBER_MASK;
	} else if (fault == RW_PROOF_FAULT_MISSING && may_lack_proof(peer)) {
		connection->remote = RW_REMOTE_NONE;
	}
	count_datagram_proof(packet->source, fault);
	judge_connection(connection, slot, index, &result);
	if (result.verdict != RW_VERDICT_BLOCKED)
		return TC_GO_ON;
	explain_datagram(connection, fault);
	record_denied_once(connection, packet);
	connection->verdict = RW_VERDICT_ALLOWED;
	connection->remote = RW_REMOTE_PROVISIONAL;
	return TC_DROP;
}

static __always_inline int meet_datagram(struct __sk_buff *skb,
					 const struct headers *packet,
					 const struct rw_proof_peer *peer)
{
	int fault = RW_PROOF_FAULT_MISSING;
	struct datagram_proof_key key = {};
	struct surplus surplus = {};
	struct datagram_proof *state;
	struct connection *flow = NULL;
	struct proof_work *work;
	__u32 zero = 0;

	work = bpf_map_lookup_elem(&proof_work, &zero);
	if (!work)
		return TC_GO_ON;
	set_inbound_key(&key, packet);
	state = bpf_map_lookup_elem(&datagram_proofs, &key);
	if (load_datagram_option(skb, packet, &surplus)) {
		fill_datagram_message(work, packet, &surplus.option);
		fault = hear_proof(packet, peer, state);
		if (!surplus.option.question)
			return TC_GO_ON;
	}
	if (state)
		flow = find_flow(find_connection(state->cookie), state->cookie,
				 IPPROTO_UDP, packet->source,
				 packet->source_port);
	if (!flow || flow->direction != RW_DIRECTION_OUT ||
	    flow->remote != RW_REMOTE_PROVISIONAL)
		return TC_GO_ON;
	return judge_answered(flow, packet, peer, fault);
}

/* Optional, at each device where proofs of datagrams are wanted. */
SEC("tc")
int read_datagrams(struct __sk_buff *skb)
{
	struct headers packet = {};
	struct rw_proof_peer *peer;

	/* What a switch sends everywhere is no proof for this host. */
	if (skb->pkt_type != PACKET_TO_US ||
	    !proof_switches(RW_PROOF_SWITCH_ON) ||
	    parse(skb, &packet, IPPROTO_UDP) != PARSED)
		return TC_GO_ON;
	peer = bpf_map_lookup_elem(&proof_peers, packet.source);
	if (!peer || !peer->datagram_path)
		return TC_GO_ON;
	return meet_datagram(skb, &packet, peer);
}

#endif
