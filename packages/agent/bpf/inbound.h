/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Connections that others make to this host, judged at their SYN. */
#ifndef RINGWALL_INBOUND_H
#define RINGWALL_INBOUND_H

#define PASS 1
#define DROP 0
#define UNKNOWN_LISTENER (1ULL << 32) /* a kind of throttled event */

static __always_inline void report_unknown_listener(const struct headers *packet,
						    __u8 proto)
{
	struct rw_unknown_listener_event *event;

	count(RW_COUNT_UNKNOWN_LISTENERS);
	if (!may_report(UNKNOWN_LISTENER | proto << 16 |
				packet->destination_port,
			MISS_WINDOW_NS, 1))
		return;
	event = reserve_event(RW_EVENT_UNKNOWN_LISTENER, 0,
			      sizeof(*event));
	if (!event)
		return;
	__builtin_memcpy(event->address, packet->destination, 16);
	event->port = packet->destination_port;
	event->proto = proto;
	bpf_ringbuf_submit(event, 0);
}

/*
 * Of a container whose policy is not in force yet, which the host's must not
 * let through; who sends it again meets the policy.
 */
static __always_inline int drop_undescribed(void)
{
	count(RW_COUNT_PENDING_DATAGRAMS);
	return DROP;
}

/* The process that listens: from the socket, else what the agent found. */
static __always_inline bool find_listener(struct bpf_sock *sk, __u16 port,
					  __u8 proto, __u64 cgroup_id,
					  struct rw_process *process)
{
	struct rw_listener_key key = { .port = port, .proto = proto };
	struct listening *bound;
	struct rw_process *known;

	bound = bpf_sk_storage_get(&bound_sockets, sk, 0, 0);
	if (bound) {
		/* Keeps the answer: the process may be gone one day. */
		resolve_process(&bound->process, bound->since_ns);
		if (proto == IPPROTO_UDP && !bound->judged)
			bound->judged = 1;
		*process = bound->process;
		return true;
	}
	key.workload = workload_of(cgroup_id);
	known = bpf_map_lookup_elem(&listeners, &key);
	if (known) {
		*process = *known;
		return true;
	}
	process->flags = RW_TASK_PENDING;
	process->cgroup_id = cgroup_id;
	return false;
}

/* Fills in an inbound connection; false when nobody knows its listener. */
static __always_inline bool start_inbound(struct connection *connection,
					  struct bpf_sock *sk,
					  const struct headers *packet,
					  __u8 proto, __u64 cgroup_id)
{
	__builtin_memset(connection, 0, sizeof(*connection));
	connection->start_ns = recent_ns();
	__builtin_memcpy(connection->address, packet->source, 16);
	connection->port = packet->destination_port;
	connection->proto = proto;
	connection->direction = RW_DIRECTION_IN;
	return find_listener(sk, packet->destination_port, proto, cgroup_id,
			     &connection->process);
}

static __always_inline void set_refused_key(struct refused_key *key,
					    const struct headers *packet,
					    __u8 proto)
{
	__builtin_memcpy(key->peer_address, packet->source, 16);
	__builtin_memcpy(key->address, packet->destination, 16);
	key->peer_port = packet->source_port;
	key->port = packet->destination_port;
	key->proto = proto;
}

/* Was this very SYN refused before? Remembers it otherwise. */
static __always_inline bool is_retransmission(const struct headers *packet)
{
	struct refused_value value = { .sequence = packet->sequence };
	struct refused_value *before;
	struct refused_key key = {};

	set_refused_key(&key, packet, IPPROTO_TCP);
	before = bpf_map_lookup_elem(&refused_packets, &key);
	if (before && before->sequence == packet->sequence)
		return true;
	value.time_ns = recent_ns();
	bpf_map_update_elem(&refused_packets, &key, &value, BPF_ANY);
	return false;
}

static __always_inline int expect_arrival(const struct connection *connection,
					  const struct headers *packet,
					  const struct proof *proof,
					  bool at_device)
{
	struct arrival *arrival = arrival_at(packet->source,
					     packet->source_port,
					     packet->destination_port);

	if (at_device)
		arrived_any = 1;
	if (arrival) {
		arrival->connection = *connection;
		__builtin_memcpy(arrival->own, packet->destination, 16);
		arrival->sequence = packet->sequence;
		arrival->peer_port = packet->source_port;
		arrival->judged = at_device;
		arrival->proof = proof->mac;
		arrival->proof_place = proof->place;
	}
	return PASS;
}

/* Of this very pair of ends: another listener may have the same port. */
static __always_inline bool is_arrival_of(const struct arrival *arrival,
					  const struct headers *packet)
{
	return is_arrival(arrival, packet->source, packet->source_port,
			  packet->destination_port) &&
	       same_address(arrival->own, packet->destination);
}

/* Has the device's program let this very SYN in, by the policy in force? */
static __always_inline bool passed_device(const struct headers *packet,
					  const struct rw_slot *slot,
					  __u32 index)
{
	struct arrival *arrival = arrival_at(packet->source,
					     packet->source_port,
					     packet->destination_port);

	return arrival && arrival->judged &&
	       arrival->sequence == packet->sequence &&
	       arrival->connection.generation == slot->generation &&
	       arrival->connection.workload == index >> WORKLOAD_SHIFT &&
	       is_arrival_of(arrival, packet);
}

static __always_inline void refuse_syn(struct connection *connection,
				       const struct headers *packet, int fault)
{
	if (fault > RW_PROOF_FAULT_MISSING)
		connection->reason = RW_REASON_WRONG_PROOF;
	refused_any = 1;
	if (!is_retransmission(packet))
		record_denied(connection, packet->source_port);
}

/*
 * Judges the connection in `inbound_work`. Global and all numbers: whether its
 * process is known, verdict << 8, reason << 16, mode << 24, fail open << 32.
 */
__noinline __u64 judge_work(__u32 index)
{
	__u32 slot_index = index & SLOT_MASK, zero = 0;
	struct judgement result = {};
	struct connection *connection;
	struct rw_slot *slot;
	bool known;

	connection = bpf_map_lookup_elem(&inbound_work, &zero);
	slot = bpf_map_lookup_elem(&slots, &slot_index);
	if (!connection || !slot)
		return 0;
	known = judge_often(connection, slot, index, &result);
	return known | result.verdict << 8 | result.reason << 16 |
	       result.mode << 24 | (__u64)result.fail_open << 32;
}

/* Of the connection in `inbound_work`; tells whether its process is known. */
static __always_inline bool judge_inbound(__u32 index,
					  struct judgement *result)
{
	__u64 said = judge_work(index);

	result->verdict = said >> 8;
	result->reason = said >> 16;
	result->mode = said >> 24;
	result->fail_open = said >> 32;
	return said & 1;
}

static __always_inline int judge_inbound_syn(struct __sk_buff *skb,
					     struct bpf_sock *sk,
					     const struct headers *packet)
{
	__u64 cgroup_id = socket_cgroup(sk);
	struct judgement result = {};
	struct connection *connection;
	__u32 index, zero = 0;
	struct rw_slot *slot;
	bool found, known;
	struct proof proof;

	slot = live_slot(cgroup_id, RW_DIRECTION_IN, &index);
	if (!slot || (arrived_any && passed_device(packet, slot, index)))
		return PASS;
	if (awaits_description(cgroup_id)) {
		count(RW_COUNT_HOLDS);
		return DROP;
	}
	connection = bpf_map_lookup_elem(&inbound_work, &zero);
	if (!connection)
		return PASS;
	found = start_inbound(connection, sk, packet, IPPROTO_TCP, cgroup_id);
	proof = take_proof(skb, packet, connection);
	count_proof(connection, proof.fault);
	known = judge_inbound(index, &result);
	if (!found)
		report_unknown_listener(packet, IPPROTO_TCP);
	else if (!known)
		report_miss(&connection->process);
	if (result.verdict != RW_VERDICT_BLOCKED)
		return expect_arrival(connection, packet, &proof, false);
	if (!known && result.mode == RW_MODE_BLOCK) {
		if (agent_answers()) {
			/* The client sends it again; by then we know. */
			count(RW_COUNT_HOLDS);
			return DROP;
		}
		if (settle_unknown(connection, &result,
				   RW_REASON_HOLD_GIVE_UP))
			return expect_arrival(connection, packet, &proof,
					      false);
	}
	if (known && lacks_proof(connection, proof.fault) &&
	    waits_for_proof(connection, packet, slot, index)) {
		count(RW_COUNT_HOLDS);
		return DROP;
	}
	refuse_syn(connection, packet, proof.fault);
	return DROP;
}

/*
 * The handshake completes, and the new socket's callback follows: it finds
 * here whom it belongs to, even if another handshake took the place meanwhile
 * or the SYN was answered by a cookie.
 */
static __always_inline int complete_handshake(struct bpf_sock *sk,
					      const struct headers *packet)
{
	struct arrival *arrival = arrival_at(packet->source,
					     packet->source_port,
					     packet->destination_port);

	if (!arrival || is_arrival_of(arrival, packet))
		return PASS;
	start_inbound(&arrival->connection, sk, packet, IPPROTO_TCP,
		      socket_cgroup(sk));
	__builtin_memcpy(arrival->own, packet->destination, 16);
	arrival->peer_port = packet->source_port;
	arrival->judged = 0;
	arrival->proof = 0;
	return PASS;
}

static __always_inline struct bpf_sock *socket_of(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? bpf_sk_fullsock(sk) : NULL;
}

/* Headers that hide who talks to whom: nothing that is refused may pass. */
static __always_inline int unreadable(enum parse how, bool out,
				      __u64 cgroup_id)
{
	struct rw_slot *slot;
	__u32 index;

	count(how == NOT_THIS_PROTO ? RW_COUNT_EXTENSION_HEADERS :
				      RW_COUNT_UNPARSED);
	if (awaits_description(cgroup_id))
		return DROP;
	slot = live_slot(cgroup_id, out ? RW_DIRECTION_OUT : RW_DIRECTION_IN,
			 &index);
	if (!slot)
		return PASS;
	return blocks(out ? slot->mode_out : slot->mode_in) ? DROP : PASS;
}

/* Global, so that the verifier walks it once. */
__noinline int ingress_listener(struct __sk_buff *skb)
{
	struct bpf_sock *sk = socket_of(skb);
	struct headers packet = {};
	enum parse how;

	if (!sk)
		return PASS;
	how = parse_at_socket(skb, &packet, IPPROTO_TCP);
	if (how != PARSED)
		return unreadable(how, false, socket_cgroup(sk));
	if ((packet.tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return judge_inbound_syn(skb, sk, &packet);
	return complete_handshake(sk, &packet);
}

#endif
