/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A datagram's proof as it lies in the packet. */
#ifndef RINGWALL_DATAGRAM_PROOF_CHECK_H
#define RINGWALL_DATAGRAM_PROOF_CHECK_H

static __always_inline void set_inbound_key(struct datagram_proof_key *key,
					    const struct headers *packet)
{
	__builtin_memcpy(key->own, packet->destination, 16);
	__builtin_memcpy(key->peer, packet->source, 16);
	key->own_port = packet->destination_port;
	key->peer_port = packet->source_port;
}

static __always_inline bool proves_datagrams(const __u8 address[16])
{
	struct rw_proof_peer *peer = bpf_map_lookup_elem(&proof_peers, address);

	return peer && peer->datagram_path &&
	       proof_switches(RW_PROOF_SWITCH_ON);
}

/*
 * Known by its address without one? Between what this host carries, an address
 * that is rewritten on the way hides from the sender where its datagram goes.
 */
static __always_inline bool may_lack_proof(const struct rw_proof_peer *peer)
{
	return peer->datagram_path == RW_PATH_STRIPPED ||
	       peer->datagram_path == RW_PATH_LOCAL;
}

/* The option is the first thing in the surplus area, at an even offset. */
static __always_inline bool load_datagram_option(struct __sk_buff *skb,
						 const struct headers *packet,
						 struct surplus *surplus)
{
	struct datagram_place place;
	__u32 at;

	if (!measure(skb, packet, &place))
		return false;
	at = place.udp_end + (place.udp_end - place.udp_at & 1);
	if (at + SURPLUS_BYTES > place.ip_bytes ||
	    load(skb, at, surplus, SURPLUS_BYTES))
		return false;
	return surplus->option.kind == RW_DATAGRAM_PROOF_KIND &&
	       surplus->option.bytes == RW_DATAGRAM_PROOF_BYTES &&
	       surplus->option.experiment_id ==
		       bpf_htons(RW_PROOF_EXPERIMENT_ID);
}

static __always_inline void
fill_datagram_message(struct proof_work *work, const struct headers *packet,
		      const struct datagram_option *option)
{
	struct proof_message *message = &work->message;

	__builtin_memcpy(message->source, packet->source, 16);
	__builtin_memcpy(message->destination, packet->destination, 16);
	message->source_port = bpf_htons(packet->source_port);
	message->destination_port = bpf_htons(packet->destination_port);
	message->sequence = option->stamp;
	message->acknowledgement = option->question;
	message->kind = bpf_htonl(option->question ? PROOF_DATAGRAM_ANSWER :
						     PROOF_DATAGRAM);
	work->option.word = option->word;
	work->option.mac = option->mac;
}

#endif
