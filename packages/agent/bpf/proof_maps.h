/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The maps of the proof; what is said in maps.h holds here. */
#ifndef RINGWALL_PROOF_MAPS_H
#define RINGWALL_PROOF_MAPS_H

/* 0 -> struct rw_proof_config; agent; fixed size, all zero: no proofs */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_proof_config);
} proof_config SEC(".maps");

/*
 * address -> keys and path of the peer there; agent. Full: the agent sees
 * E2BIG and says so; the peer is known by its address only.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RW_PROOF_PEERS_MAX);
	__type(key, struct rw_proof_address);
	__type(value, struct rw_proof_peer);
} proof_peers SEC(".maps");

/*
 * a peer's place -> what came and went; the agent gives the places, from 1 on,
 * the kernel counts. Apart from the keys, so that new keys lose no counts; no
 * hash map, as each handshake counts four times. Has room for all peers.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RW_PROOF_PEERS_MAX + 1);
	__type(key, __u32);
	__type(value, struct rw_proof_counts);
} peer_counts SEC(".maps");

/* address and port of a listener that can't prove itself -> 1; agent */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct rw_mute_key);
	__type(value, __u8);
} proof_mutes SEC(".maps");

/* identity here -> its number in the fleet; agent. Full: E2BIG, number 0 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} proof_numbers SEC(".maps");

#define PROOF_NUMBER_MASK 0x0fffffffU

/* 0 while the identity is not known, or has no number in the fleet yet. */
static __always_inline __u32 number_of(__u32 identity)
{
	__u32 *number;

	if (!identity)
		return 0;
	number = bpf_map_lookup_elem(&proof_numbers, &identity);
	return number ? *number & PROOF_NUMBER_MASK : 0;
}

/*
 * The number of a TCP connection's own software, if it was looked up: only
 * datagrams have a use of their own for this field.
 */
static __always_inline __u32 *kept_number(struct connection *connection)
{
	return &connection->met_at;
}

/* number in the fleet -> remote class; agent, created with room to grow */
struct remote_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
};

/* slot -> remote map; agent; an empty slot knows no remote software */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RW_SLOTS);
	__type(key, __u32);
	__array(values, struct remote_map);
} remotes SEC(".maps");

#define USED_WAYS 7
#define USED_SETS 64 /* a page */
#define USED_PAGES 512 /* both powers of two */

/* A line of the processor's caches: each new handshake meets another. */
struct used_proofs {
	__u32 next; /* of `macs`: the oldest, to be overwritten */
	__u32 fetched; /* of no meaning: see fetch_used */
	__u64 macs[USED_WAYS];
};

/*
 * MACs of SYNs whose handshake was completed, by key and ports (used_place) and,
 * on a page, by their lowest bits; kernel. Full: the oldest of its seven goes, and
 * its SYN could be replayed while its epoch counts; so could one of two that are
 * completed in one set at the very same time. No LRU map, whose update takes as
 * long as two MACs. Could be mapped, so that a set is a line and no part of two.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, USED_PAGES * USED_SETS);
	__type(key, __u32);
	__type(value, struct used_proofs);
} used_proofs SEC(".maps");

/*
 * MAC or, without one, hash of a SYN that waits -> since when; kernel. Full:
 * the oldest goes; its wait begins anew.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u64);
} proof_waits SEC(".maps");

/* What a MAC is made of: all of it as in packets, so big-endian. */
struct proof_message {
	__u8 source[16];
	__u8 destination[16];
	__be16 source_port;
	__be16 destination_port;
	__be32 sequence;
	__be32 word;
	__be32 epoch;
	__be32 acknowledgement;
	__be32 kind;
};

#define PROOF_WORDS 7
_Static_assert(sizeof(struct proof_message) == PROOF_WORDS * 8, "proof_message");

/*
 * Of what the MAC binds alone, as a replay may differ in all else, and by its
 * key, so that no other host knows its neighbours. Linux counts a client's ports
 * up by two or a little more: its connections share a page for a while, so that
 * not each of them has the processor look for its address, which took a guest
 * 0.3 us.
 */
static __always_inline __u32 used_place(const struct proof_message *message,
					__u64 key, __u64 mac)
{
	__u32 mixed = ((__u32)(key >> 32) ^ message->destination_port) *
		      0x9e3779b1U;
	__u16 port = bpf_ntohs(message->source_port);
	__u32 page = port ? (mixed >> 20) + (port >> 6) : mac >> 32;

	return page % USED_PAGES * USED_SETS + mac % USED_SETS;
}

struct proof_option {
	__u8 kind;
	__u8 bytes;
	__be16 experiment_id;
	__be32 word;
	__u64 mac;
} __attribute__((packed));

_Static_assert(sizeof(struct proof_option) == RW_PROOF_OPTION_BYTES,
	       "proof_option");

/* Too large for the stack beside a connection. */
struct proof_work {
	struct headers packet; /* the one that is read */
	__u32 peer; /* its sender's place in `peer_counts` */
	struct proof_message message;
	struct proof_option option;
	__u32 place; /* of its MAC in `used_proofs` */
};

/* 0 -> room for reading a proof; kernel, with bottom halves off */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct proof_work);
} proof_work SEC(".maps");

#endif
