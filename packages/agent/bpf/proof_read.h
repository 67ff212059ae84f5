/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reading the proof of a SYN or SYN-ACK, and what it says of the sender. */
#ifndef RINGWALL_PROOF_READ_H
#define RINGWALL_PROOF_READ_H

#define TCP_BYTES 20
#define TCP_BYTES_MAX 60
#define TCP_OPTIONS_MAX 20
#define OPTION_END 0
#define OPTION_NOTHING 1
#define PROOF_WAIT_NS (RW_PROOF_WAIT_MS_MAX * 1000ULL * 1000)
#define PROOF_WINDOW_NS (1000ULL * 1000 * 1000)
#define PROOF_FAULT (2ULL << 32) /* a kind of throttled event */

static __always_inline bool is_proof(const struct proof_option *option)
{
	return option->kind == RW_PROOF_OPTION_KIND &&
	       option->bytes == RW_PROOF_OPTION_BYTES &&
	       option->experiment_id == bpf_htons(RW_PROOF_EXPERIMENT_ID);
}

/*
 * Where the proof's option begins between `at` and `end`; 0: nowhere. A global
 * function: the verifier looks at it once, not once for each way to get here.
 */
__noinline int find_proof(struct __sk_buff *skb, __u32 at, __u32 end)
{
	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		__u8 head[4] __attribute__((aligned(4)));

		if (at + RW_PROOF_OPTION_BYTES > end)
			return 0;
		if (load(skb, at, head, sizeof(head)))
			return 0;
		if (head[0] == OPTION_END)
			return 0;
		if (head[0] == OPTION_NOTHING) {
			at++;
			continue;
		}
		if (head[0] == RW_PROOF_OPTION_KIND &&
		    head[1] == RW_PROOF_OPTION_BYTES &&
		    (head[2] << 8 | head[3]) == RW_PROOF_EXPERIMENT_ID)
			return at;
		if (head[1] < 2)
			return 0;
		at += head[1];
	}
	return 0;
}

static __always_inline bool load_proof(struct __sk_buff *skb,
				       const struct headers *packet,
				       struct proof_option *option)
{
	__u32 begin = packet->transport_at + TCP_BYTES;
	__u32 end = packet->transport_at + packet->tcp_bytes;
	int at;

	if (begin + RW_PROOF_OPTION_BYTES > end)
		return false;
	/* The last one, in practice. */
	if (load(skb, end - RW_PROOF_OPTION_BYTES, option,
		 RW_PROOF_OPTION_BYTES))
		return false;
	if (is_proof(option))
		return true;
	at = find_proof(skb, begin, end);
	return at > 0 && !load(skb, at, option, RW_PROOF_OPTION_BYTES);
}

static __always_inline void report_fault(const struct proof_work *work,
					 const struct headers *packet,
					 __u32 epoch, __u8 fault)
{
	const __u32 *source = (const __u32 *)packet->source;
	struct rw_proof_event *event;

	if (!may_report(PROOF_FAULT | (__u64)fault << 40 |
				(source[0] ^ source[1] ^ source[2] ^ source[3]),
			PROOF_WINDOW_NS, 8))
		return;
	event = reserve_event(RW_EVENT_PROOF, 0,
			      sizeof(*event));
	if (!event)
		return;
	__builtin_memcpy(event->source, packet->source, 16);
	__builtin_memcpy(event->destination, packet->destination, 16);
	event->source_port = packet->source_port;
	event->destination_port = packet->destination_port;
	event->sequence = bpf_ntohl(packet->sequence);
	event->acknowledgement = bpf_ntohl(work->message.acknowledgement);
	event->is_answer = !!(packet->tcp_flags & TCP_ACK);
	event->epoch = epoch;
	event->fault = fault;
	if (fault != RW_PROOF_FAULT_MISSING) {
		event->word = bpf_ntohl(work->option.word);
		__builtin_memcpy(event->mac, &work->option.mac, 8);
	}
	bpf_ringbuf_submit(event, 0);
}

/* Of both ends' keys that the option was made with: its place in `verify`. */
static __always_inline __u32 phases_of(const struct proof_work *work)
{
	return bpf_ntohl(work->option.word) >> PROOF_PHASE_SHIFT & 3;
}

/*
 * 0, or what is wrong with the option in `work` by itself, whose message has
 * what it binds.
 */
static __always_inline __u8 check_mac(struct proof_work *work,
				      const struct rw_proof_peer *peer,
				      __u32 own_epoch)
{
	__u32 word = bpf_ntohl(work->option.word);
	__u32 behind = (word >> PROOF_EPOCH_SHIFT) - (own_epoch - 1) & 3;
	__u32 phases = phases_of(work);
	__u64 mac;

	if (behind > 2)
		return RW_PROOF_FAULT_EPOCH;
	if (!(peer->verifies & 1 << phases))
		return RW_PROOF_FAULT_KEY;
	work->message.word = work->option.word;
	work->message.epoch = bpf_htonl(own_epoch - 1 + behind);
	mac = proof_mac(&work->message, &peer->verify[phases * 2]);
	return mac == work->option.mac ? 0 : RW_PROOF_FAULT_MAC;
}

/*
 * Nobody waits for what is written: the line is on its way to the processor's
 * cache while the MAC is being computed, and is there when it is looked for.
 */
static __always_inline void fetch_used(__u32 place)
{
	struct used_proofs *used = bpf_map_lookup_elem(&used_proofs, &place);

	if (used)
		used->fetched = 1;
}

/* Global and all numbers: the verifier walks its loop once. */
__noinline int is_used(__u32 place, __u64 mac)
{
	struct used_proofs *used = bpf_map_lookup_elem(&used_proofs, &place);

	if (!used)
		return 1;
	for (int i = 0; i < USED_WAYS; i++)
		if (used->macs[i] == mac)
			return 1;
	return 0;
}

/*
 * The same, and whether its handshake was completed before. Only SYNs are
 * remembered: an answer is bound to the very SYN that it acknowledges, and the
 * look is some misses of the processor's caches.
 */
static __always_inline __u8 check_proof(struct proof_work *work,
					const struct rw_proof_peer *peer,
					__u32 own_epoch)
{
	bool answer = work->packet.tcp_flags & TCP_ACK;
	__u64 mac = work->option.mac;
	__u8 fault;

	leave_out(&work->message, peer->profile);
	if (!answer) {
		work->place = used_place(&work->message,
					 peer->verify[phases_of(work) * 2],
					 mac);
		fetch_used(work->place);
	}
	fault = check_mac(work, peer, own_epoch);
	if (fault || answer)
		return fault;
	return is_used(work->place, mac) ? RW_PROOF_FAULT_REPLAY : 0;
}

/* Once for each packet that was read: by the hook that decides about it. */
static __always_inline void count_proof(const struct connection *connection,
					int fault)
{
	struct rw_proof_counts *counts;
	struct proof_work *work;
	__u32 zero = 0;

	if (!fault && connection->remote != RW_REMOTE_FIRST)
		return;
	work = bpf_map_lookup_elem(&proof_work, &zero);
	counts = work ? bpf_map_lookup_elem(&peer_counts, &work->peer) : NULL;
	if (!counts)
		return;
	if (!fault)
		__sync_fetch_and_add(&counts->proved, 1);
	else if (fault == RW_PROOF_FAULT_MISSING)
		__sync_fetch_and_add(&counts->missing, 1);
	else
		__sync_fetch_and_add(&counts->wrong, 1);
}

static __always_inline void fill_message(struct proof_message *message,
					 const struct headers *packet)
{
	bool answer = packet->tcp_flags & TCP_ACK;

	__builtin_memcpy(message->source, packet->source, 16);
	__builtin_memcpy(message->destination, packet->destination, 16);
	message->source_port = bpf_htons(packet->source_port);
	message->destination_port = bpf_htons(packet->destination_port);
	message->sequence = packet->sequence;
	message->acknowledgement = answer ? packet->acknowledgement : 0;
	message->kind = bpf_htonl(answer ? PROOF_ANSWER : PROOF_SYN);
}

/* What a packet proves. */
struct proof {
	__u8 fault; /* enum rw_proof_fault; 0 also where none is expected */
	__u8 remote; /* enum rw_remote */
	__u32 number;
	__u64 mac; /* of a right proof */
	__u32 place; /* its place in `used_proofs`, in a SYN */
};

/* As a number that is never 0: fault, remote << 8, number << 32. */
static __always_inline __u64 pack_proof(__u8 fault, __u8 remote, __u32 number)
{
	return fault | remote << 8 | 1 << 16 | (__u64)number << 32;
}

/*
 * What the packet in `proof_work` proves. Global and all numbers, so that the
 * verifier walks it once and not for each way to get here.
 */
__noinline __u64 read_proof(struct __sk_buff *skb)
{
	struct rw_proof_config *config = proof_switches(RW_PROOF_SWITCH_ON);
	struct rw_proof_peer *peer;
	struct proof_work *work;
	__u32 zero = 0, epoch;
	__u8 fault;

	work = bpf_map_lookup_elem(&proof_work, &zero);
	if (!config || !work)
		return 0;
	peer = bpf_map_lookup_elem(&proof_peers, work->packet.source);
	if (!peer)
		return 0;
	work->peer = peer->place;
	epoch = proof_epoch(config);
	fill_message(&work->message, &work->packet);
	if (!load_proof(skb, &work->packet, &work->option)) {
		if ((work->packet.tcp_flags & TCP_ACK) &&
		    is_mute(work->packet.source, work->packet.source_port))
			return pack_proof(0, RW_REMOTE_NONE, 0);
		fault = RW_PROOF_FAULT_MISSING;
		/* A published port or a service's address hides it from us. */
		if (peer->path == RW_PATH_STRIPPED ||
		    (peer->path == RW_PATH_LOCAL &&
		     !(work->packet.tcp_flags & TCP_ACK)))
			return pack_proof(fault, RW_REMOTE_NONE, 0);
	} else if (peer->path == RW_PATH_REVOKED) {
		fault = RW_PROOF_FAULT_KEY;
	} else {
		fault = check_proof(work, peer, epoch);
	}
	if (!fault)
		return pack_proof(0, RW_REMOTE_FIRST,
				  bpf_ntohl(work->option.word) &
					  PROOF_NUMBER_MASK);
	report_fault(work, &work->packet, epoch, fault);
	return pack_proof(fault, RW_REMOTE_UNKNOWN, 0);
}

/* The same, kept for the packet's connection. */
static __always_inline struct proof take_proof(struct __sk_buff *skb,
					       const struct headers *packet,
					       struct connection *connection)
{
	struct proof proof = {};
	struct proof_work *work;
	__u32 zero = 0;
	__u64 said;

	work = bpf_map_lookup_elem(&proof_work, &zero);
	if (!work || !proof_switches(RW_PROOF_SWITCH_ON)) {
		connection->remote = RW_REMOTE_NONE;
		return proof;
	}
	work->packet = *packet;
	said = read_proof(skb);
	proof.fault = said;
	proof.remote = said >> 8;
	proof.number = said >> 32;
	connection->remote = proof.remote;
	connection->remote_number = proof.number;
	if (said)
		connection->flags |= CONNECTION_PROVES;
	if (proof.remote == RW_REMOTE_FIRST) {
		proof.mac = work->option.mac;
		proof.place = work->place;
	}
	return proof;
}

/* A right proof whose number nobody knows here: asks the agent. */
static __noinline int ask_number(const struct headers *packet)
{
	struct proof_work *work;
	__u32 zero = 0;

	work = bpf_map_lookup_elem(&proof_work, &zero);
	if (work)
		report_fault(work, packet, 0, RW_PROOF_FAULT_NUMBER);
	return 0;
}

/*
 * May the refused packet's sender yet be proved, by a number that is on its
 * way or a path that is about to be marked? Then it is dropped without a word,
 * to be sent again, for some time.
 */
static __always_inline bool may_yet_prove(__u64 what)
{
	__u64 *since = bpf_map_lookup_elem(&proof_waits, &what);
	__u64 now = recent_ns();

	if (!agent_answers())
		return false;
	if (since)
		return elapsed_ns(*since) < PROOF_WAIT_NS;
	bpf_map_update_elem(&proof_waits, &what, &now, BPF_ANY);
	return true;
}

/* Does any rule of this direction say what the peer's software must be? */
static __always_inline bool asks_for_proofs(const struct connection *connection,
					    const struct rw_slot *slot)
{
	return slot->levels_remote[connection->direction == RW_DIRECTION_IN];
}

static __always_inline __u64 handshake_hash(const struct headers *packet)
{
	const __u64 *source = (const __u64 *)packet->source;

	return source[0] ^ source[1] ^ (__u64)packet->sequence << 32 ^
	       (__u64)packet->source_port << 16 ^ packet->destination_port;
}

/*
 * A packet that was refused for want of a proof: would it have passed without
 * one, or could it with a number that is known? If so it may wait; else it is
 * refused as it would have been anyway.
 */
static __noinline int waits_for_proof(struct connection *connection,
				       const struct headers *packet,
				       struct rw_slot *slot, __u32 slot_index)
{
	__u8 remote = connection->remote;
	struct judgement plain = {};

	if (remote == RW_REMOTE_FIRST)
		ask_number(packet);
	connection->remote = RW_REMOTE_NONE;
	judge_connection(connection, slot, slot_index, &plain);
	connection->remote = RW_REMOTE_UNKNOWN;
	if (plain.verdict == RW_VERDICT_BLOCKED &&
	    !(remote == RW_REMOTE_FIRST && asks_for_proofs(connection, slot)))
		return 0;
	if (may_yet_prove(handshake_hash(packet)))
		return 1;
	connection->rule = 0;
	connection->verdict = RW_VERDICT_BLOCKED;
	connection->reason = RW_REASON_NO_PROOF;
	return 0;
}

/* Is it the want of a proof that made the verdict? */
static __always_inline bool lacks_proof(const struct connection *connection,
					int fault)
{
	if (connection->remote == RW_REMOTE_FIRST)
		return connection->level == RW_LEVEL_ADDRESS;
	return connection->remote == RW_REMOTE_UNKNOWN &&
	       fault == RW_PROOF_FAULT_MISSING;
}

#endif
