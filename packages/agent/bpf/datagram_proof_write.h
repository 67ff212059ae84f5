/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Writing the proof behind a datagram, at the device and so behind the hook
 * that has judged it: the first ones of a flow, a few in each window of time,
 * so that the other end may forget the flow or be restarted. Optional; what
 * does not fit, or is cut into several packets later, leaves without.
 */
#ifndef RINGWALL_DATAGRAM_PROOF_WRITE_H
#define RINGWALL_DATAGRAM_PROOF_WRITE_H

#define IP4_BYTES_AT 2
#define IP4_CHECKSUM_AT 10
#define IP6_PAYLOAD_BYTES_AT 4
#define UDP_CHECKSUM_AT 6
#define LINK_BYTES_MAX 64

static __always_inline void set_outbound_key(struct datagram_proof_key *key,
					     const struct headers *packet)
{
	__builtin_memcpy(key->own, packet->source, 16);
	__builtin_memcpy(key->peer, packet->destination, 16);
	key->own_port = packet->source_port;
	key->peer_port = packet->destination_port;
}

/* Whose flow this is, if its datagrams are proved: the judged connection. */
static __always_inline struct connection *
proving_datagram(const struct headers *packet, __u64 cookie)
{
	struct connection *own = find_connection(cookie);
	struct connection *flow = find_flow(own, cookie, IPPROTO_UDP,
					    packet->destination,
					    packet->destination_port);

	if (flow || !own || !is_peer(own, IPPROTO_UDP, packet->destination,
				     packet->destination_port))
		return flow;
	return own;
}

/* Is it one of the first in its window? Counts it. */
static __always_inline bool is_due(struct datagram_proof *state, __u64 cookie,
				   __u64 now)
{
	bool other = state->cookie != cookie;

	if (other || now - state->window_ns > DATAGRAM_WINDOW_NS) {
		if (other || now - state->window_ns > DATAGRAM_ANSWER_NS)
			state->first_ns = now;
		state->cookie = cookie;
		state->window_ns = now;
		state->sent = 0;
	}
	if (state->sent >= RW_DATAGRAM_PROOF_REPEATS)
		return false;
	state->sent++;
	return true;
}

static __noinline struct datagram_proof *
flow_proof(const struct headers *packet)
{
	struct datagram_proof_key key = {};
	struct datagram_proof *state;

	set_outbound_key(&key, packet);
	state = bpf_map_lookup_elem(&datagram_proofs, &key);
	if (!state) {
		struct datagram_proof fresh = {};

		bpf_map_update_elem(&datagram_proofs, &key, &fresh,
				    BPF_NOEXIST);
		state = bpf_map_lookup_elem(&datagram_proofs, &key);
	}
	return state;
}

static __always_inline void
fill_surplus(struct surplus *surplus, const struct headers *packet,
	     const struct rw_proof_peer *peer, __u32 number, __u32 question,
	     __u32 stamp, __u32 epoch, __u32 bytes)
{
	__u32 word = peer->phases | (epoch & 3) << PROOF_EPOCH_SHIFT | number;
	struct proof_message message = {};
	struct datagram_option *option = &surplus->option;

	__builtin_memcpy(message.source, packet->source, 16);
	__builtin_memcpy(message.destination, packet->destination, 16);
	message.source_port = bpf_htons(packet->source_port);
	message.destination_port = bpf_htons(packet->destination_port);
	message.sequence = bpf_htonl(stamp);
	message.word = bpf_htonl(word);
	message.epoch = bpf_htonl(epoch);
	message.acknowledgement = bpf_htonl(question);
	message.kind = bpf_htonl(question ? PROOF_DATAGRAM_ANSWER :
					    PROOF_DATAGRAM);
	leave_out(&message, peer->profile);
	option->kind = RW_DATAGRAM_PROOF_KIND;
	option->bytes = RW_DATAGRAM_PROOF_BYTES;
	option->experiment_id = bpf_htons(RW_PROOF_EXPERIMENT_ID);
	option->word = message.word;
	option->stamp = message.sequence;
	option->question = message.acknowledgement;
	option->mac = proof_mac(&message, peer->sign);
	surplus->checksum = 0;
	surplus->checksum = ~sum_up(surplus, bytes);
}

/*
 * Who computes the checksum of UDP later, a device or the kernel for it, sums
 * over all that follows: the surplus too, whose sum is minus its length. So
 * the length is added to what is there already, and only where the checksum
 * is still to be computed: the second call takes back what the first did to a
 * checksum that is complete.
 */
static __always_inline long announce_surplus(struct __sk_buff *skb, __u32 at,
					     __u32 bytes)
{
	__u64 to_come = BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | 2;
	__u64 complete = BPF_F_MARK_MANGLED_0 | 2;
	__u16 length = bpf_htons(bytes);

	return bpf_l4_csum_replace(skb, at, 0, length, to_come) ?:
		       bpf_l4_csum_replace(skb, at, length, 0, complete);
}

static __always_inline long lengthen(struct __sk_buff *skb, __u32 ip_at,
				     const struct datagram_place *place,
				     __u32 more)
{
	bool v4 = skb->protocol == bpf_htons(ETH_P_IP);
	__u32 before = v4 ? place->ip_bytes : place->ip_bytes - IP6_BYTES;
	__u16 old_bytes = bpf_htons(before);
	__u16 new_bytes = bpf_htons(before + more);
	__u32 at = ip_at + (v4 ? IP4_BYTES_AT : IP6_PAYLOAD_BYTES_AT);

	if (v4 && bpf_l3_csum_replace(skb, ip_at + IP4_CHECKSUM_AT, old_bytes,
				      new_bytes, 2))
		return -1;
	return bpf_skb_store_bytes(skb, at, &new_bytes, 2, 0);
}

/* Grows the packet first: all that can fail before anything is changed. */
static __noinline long append_surplus(struct __sk_buff *skb,
				      const struct datagram_place *place,
				      const struct surplus *surplus)
{
	__u32 ip_at = skb->len - place->ip_bytes;
	__u32 pad = place->udp_end - place->udp_at & 1;
	__u32 bytes = SURPLUS_BYTES + pad;
	__u32 end = ip_at + place->ip_bytes;
	__u8 zero = 0;

	if (bpf_skb_change_tail(skb, skb->len + bytes, 0))
		return -1;
	if (pad && bpf_skb_store_bytes(skb, end, &zero, 1, 0))
		return -1;
	if (bpf_skb_store_bytes(skb, end + pad, surplus, SURPLUS_BYTES, 0) ||
	    lengthen(skb, ip_at, place, bytes))
		return -1;
	return announce_surplus(skb, ip_at + place->udp_at + UDP_CHECKSUM_AT,
				bytes);
}

/* Nothing but the device's header lies before IP, and nothing behind it. */
static __always_inline bool is_whole(struct __sk_buff *skb,
				     const struct headers *packet,
				     const struct datagram_place *place)
{
	__u32 ip_at = skb->len - place->ip_bytes;
	__u32 by_net, by_start;

	if (ip_at > LINK_BYTES_MAX || place->udp_end != place->ip_bytes)
		return false;
	if (load(skb, place->udp_at, &by_net, 4) ||
	    bpf_skb_load_bytes(skb, ip_at + place->udp_at, &by_start, 4))
		return false;
	return by_net == by_start;
}

static __always_inline bool has_room(struct __sk_buff *skb,
				     const struct datagram_place *place)
{
	__u32 mtu = 0;

	return place->ip_bytes + SURPLUS_BYTES + 1 <=
		       RW_DATAGRAM_PROOF_PACKET_BYTES_MAX &&
	       !bpf_check_mtu(skb, 0, &mtu, SURPLUS_BYTES + 1, 0);
}

static __noinline int prove(struct __sk_buff *skb,
			    const struct headers *packet,
			    const struct rw_proof_peer *peer)
{
	struct rw_proof_config *config = proof_switches(RW_PROOF_SWITCH_ON);
	__u64 cookie = bpf_get_socket_cookie(skb);
	__u64 now = bpf_ktime_get_boot_ns();
	struct rw_proof_counts *counts;
	struct connection *connection;
	struct datagram_proof *state;
	struct datagram_place place;
	struct surplus surplus;
	__u32 epoch, stamp, question, bytes;

	connection = proving_datagram(packet, cookie);
	if (!config || !connection || !measure(skb, packet, &place) ||
	    !is_whole(skb, packet, &place))
		return TC_GO_ON;
	state = flow_proof(packet);
	if (!state || !is_due(state, cookie, now))
		return TC_GO_ON;
	if (!has_room(skb, &place)) {
		count(RW_COUNT_PROOF_NO_ROOM);
		return TC_GO_ON;
	}
	stamp = stamp_of(config, now, &epoch);
	question = connection->direction == RW_DIRECTION_IN ? state->question :
							      0;
	bytes = SURPLUS_BYTES + (place.udp_end - place.udp_at & 1);
	fill_surplus(&surplus, packet, peer, number_of(connection->identity),
		     question, stamp, epoch, bytes);
	counts = bpf_map_lookup_elem(&datagram_proof_counts,
				     packet->destination);
	if (append_surplus(skb, &place, &surplus))
		return TC_DROP;
	if (counts)
		__sync_fetch_and_add(&counts->sent, 1);
	return TC_GO_ON;
}

SEC("tc")
int prove_datagrams(struct __sk_buff *skb)
{
	struct headers packet = {};
	struct rw_proof_peer *peer;

	/* One that is cut into several later has no end of its own yet. */
	if (skb->gso_size || !proof_switches(RW_PROOF_SWITCH_ON) ||
	    !socket_of(skb) || parse(skb, &packet, IPPROTO_UDP) != PARSED)
		return TC_GO_ON;
	peer = bpf_map_lookup_elem(&proof_peers, packet.destination);
	if (peer && peer->datagram_path && peer->signs)
		return prove(skb, &packet, peer);
	return TC_GO_ON;
}

#endif
