/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Writing the proof: into the SYN of a connection that connect() has judged,
 * and into the SYN-ACK that answers a SYN which the ingress hook has judged.
 * The kernel asks for it anew at every retransmission.
 */
#ifndef RINGWALL_PROOF_WRITE_H
#define RINGWALL_PROOF_WRITE_H

/* The connection whose handshake packet this is; NULL: it needs no proof. */
static __always_inline struct connection *
proving_connection(struct bpf_sock_ops *ops, const __u8 remote[16],
		   __u8 tcp_flags)
{
	__u16 peer_port = bpf_ntohl(ops->remote_port);
	__u16 port = ops->local_port;
	struct connection *connection;
	struct arrival *arrival;

	if (tcp_flags & TCP_ACK) {
		arrival = arrival_at(remote, peer_port, port);
		if (!arrival || !is_arrival(arrival, remote, peer_port, port))
			return NULL;
		connection = &arrival->connection;
	} else {
		connection = connection_of(ops);
	}
	if (!connection || !(connection->flags & CONNECTION_PROVES))
		return NULL;
	return connection;
}

/* Whether the kernel is to ask for the headers of this connection's SYN. */
static __always_inline __u32 proving_flag(const struct connection *connection)
{
	return (connection->flags & CONNECTION_PROVES) &&
			       proof_switches(RW_PROOF_SWITCH_ON) ?
		       BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG :
		       0;
}

/* The handshake is complete: its SYN counts no more. */
static __always_inline void use_proof(struct arrival *arrival)
{
	__u32 place = arrival->proof_place;
	struct used_proofs *used = bpf_map_lookup_elem(&used_proofs, &place);
	__u32 next;

	if (!used)
		return;
	next = used->next;
	if (next >= USED_WAYS)
		next = 0;
	used->macs[next] = arrival->proof;
	used->next = next + 1;
}

/* Asks for room in the header of a SYN or SYN-ACK. */
static __noinline int reserve_proof(struct bpf_sock_ops *ops)
{
	__u8 remote[16] __attribute__((aligned(8)));
	__u32 flags = ops->skb_tcp_flags;
	struct connection *connection;

	if (!(flags & TCP_SYN) || !proof_switches(RW_PROOF_SWITCH_ON))
		return 0;
	set_remote(remote, ops);
	connection = proving_connection(ops, remote, flags);
	if (!connection)
		return 0;
	if (!bpf_reserve_hdr_opt(ops, RW_PROOF_OPTION_BYTES, 0)) {
		connection->flags &= ~CONNECTION_NO_ROOM;
		return 0;
	}
	connection->flags |= CONNECTION_NO_ROOM;
	count(RW_COUNT_PROOF_NO_ROOM);
	return 0;
}

static __always_inline void fill_option(struct proof_option *option,
					struct proof_message *message,
					const struct rw_proof_peer *peer,
					__u32 number, __u32 epoch)
{
	__u32 word = peer->phases | (epoch & 3) << PROOF_EPOCH_SHIFT | number;

	message->word = bpf_htonl(word);
	message->epoch = bpf_htonl(epoch);
	option->kind = RW_PROOF_OPTION_KIND;
	option->bytes = RW_PROOF_OPTION_BYTES;
	option->experiment_id = bpf_htons(RW_PROOF_EXPERIMENT_ID);
	option->word = message->word;
	leave_out(message, peer->profile);
	option->mac = proof_mac(message, peer->sign);
}

static __noinline int write_proof(struct bpf_sock_ops *ops)
{
	struct proof_message message = {};
	struct proof_option option = {};
	struct rw_proof_config *config;
	struct rw_proof_counts *counts;
	struct connection *connection;
	struct rw_proof_peer *peer;
	__u32 flags = ops->skb_tcp_flags;
	struct tcphdr *tcp;

	if (!(flags & TCP_SYN))
		return 0;
	config = proof_switches(RW_PROOF_SWITCH_ON);
	tcp = ops->skb_data;
	if (!config || (void *)(tcp + 1) > ops->skb_data_end)
		return 0;
	message.sequence = tcp->seq;
	if (flags & TCP_ACK)
		message.acknowledgement = tcp->ack_seq;
	message.kind = bpf_htonl(flags & TCP_ACK ? PROOF_ANSWER : PROOF_SYN);
	message.source_port = bpf_htons(ops->local_port);
	message.destination_port = ops->remote_port >> 16;
	set_local(message.source, ops);
	set_remote(message.destination, ops);
	connection = proving_connection(ops, message.destination, flags);
	if (!connection)
		return 0;
	peer = bpf_map_lookup_elem(&proof_peers, message.destination);
	if (!peer || !peer->signs)
		return 0;
	counts = bpf_map_lookup_elem(&peer_counts, &peer->place);
	fill_option(&option, &message, peer, own_number(connection),
		    proof_epoch(config));
	if (bpf_store_hdr_opt(ops, &option, sizeof(option), 0)) {
		count(RW_COUNT_PROOF_NO_ROOM);
		return 0;
	}
	if (counts)
		__sync_fetch_and_add(&counts->sent, 1);
	return 0;
}

#endif
