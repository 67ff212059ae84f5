/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The proof of the software in a flow's first datagrams, behind their data: in
 * the surplus area between the end of UDP and the end of IP (RFC 9868), which
 * kernels cut off before the application sees it. What reading and writing it
 * have in common (docs/proof.md).
 */
#ifndef RINGWALL_DATAGRAM_PROOF_H
#define RINGWALL_DATAGRAM_PROOF_H

#define SURPLUS_BYTES 26 /* checksum and option */
#define SURPLUS_WORDS (SURPLUS_BYTES / 2)
#define EPOCH_NS (RW_PROOF_EPOCH_SECONDS * 1000ULL * 1000 * 1000)
#define DATAGRAM_WINDOW_NS (RW_DATAGRAM_PROOF_WINDOW_MS * 1000ULL * 1000)
#define DATAGRAM_ANSWER_NS (RW_DATAGRAM_PROOF_ANSWER_MS_MAX * 1000ULL * 1000)
#define HEARD_FOR_NS (100ULL * 1000 * 1000) /* from the device to the socket */

struct datagram_option {
	__u8 kind;
	__u8 bytes;
	__be16 experiment_id;
	__be32 word;
	__be32 stamp;
	__be32 question; /* the stamp that is answered; 0: this is no answer */
	__u64 mac;
} __attribute__((packed));

struct surplus {
	__u16 checksum; /* with it, all of the surplus and its length sum up to 0 */
	struct datagram_option option;
} __attribute__((packed));

_Static_assert(sizeof(struct datagram_option) == RW_DATAGRAM_PROOF_BYTES,
	       "datagram_option");
_Static_assert(sizeof(struct surplus) == SURPLUS_BYTES, "surplus");

struct datagram_proof_key {
	__u8 own[16];
	__u8 peer[16];
	__u16 own_port;
	__u16 peer_port;
	__u32 pad;
} __attribute__((aligned(8)));

/* What both ends' proofs of a flow have said lately. */
struct datagram_proof {
	__u64 cookie; /* of the socket whose proofs are counted */
	__u64 first_ns; /* since when its questions may be answered */
	__u64 window_ns; /* when `sent` began */
	__u64 heard_ns; /* a proof that no hook has made use of yet; 0: none */
	__u32 sent;
	__u32 number; /* what that proof says */
	__u32 question; /* the peer's last right one: answers name it */
	__u32 fault; /* enum rw_proof_fault */
};

/*
 * both ends' addresses and ports -> proofs of the flow; kernel. Full: the
 * oldest goes; a datagram whose proof was read counts as one without.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct datagram_proof_key);
	__type(value, struct datagram_proof);
} datagram_proofs SEC(".maps");

/*
 * MAC of a right proof -> when it was read first; kernel. Apart from
 * those of TCP, so that neither makes the other be forgotten. Full: the oldest
 * goes, and its datagram could be replayed while its epoch counts.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} datagram_proofs_used SEC(".maps");

/*
 * address -> what came and went of datagrams; the agent makes the entry, the
 * kernel counts. Full: as `proof_peers`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct rw_proof_address);
	__type(value, struct rw_proof_counts);
} datagram_proof_counts SEC(".maps");

/* Where the parts of a datagram lie, counted from the IP header. */
struct datagram_place {
	__u32 ip_bytes;
	__u32 udp_at;
	__u32 udp_end;
};

/* False for fragments, and where the lengths make no sense. */
static __always_inline bool measure(struct __sk_buff *skb,
				    const struct headers *packet,
				    struct datagram_place *place)
{
	__u8 ip[8] __attribute__((aligned(4)));
	__u8 bytes[2] __attribute__((aligned(4)));

	if (load(skb, 0, ip, sizeof(ip)) ||
	    load(skb, packet->transport_at + 4, bytes, sizeof(bytes)))
		return false;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if ((ip[6] & 0x3f) || ip[7])
			return false;
		place->ip_bytes = ip[2] << 8 | ip[3];
	} else {
		if (packet->transport_at != IP6_BYTES)
			return false;
		place->ip_bytes = IP6_BYTES + (ip[4] << 8 | ip[5]);
	}
	place->udp_at = packet->transport_at;
	place->udp_end = place->udp_at + (bytes[0] << 8 | bytes[1]);
	return place->udp_end >= place->udp_at + UDP_BYTES &&
	       place->udp_end <= place->ip_bytes;
}

/* A moment as proofs tell it: steps of 16 ns within an epoch; never 0. */
static __always_inline __u32 stamp_of(const struct rw_proof_config *config,
				      __u64 now, __u32 *epoch)
{
	__u64 ns = now + config->epoch_offset_ns;

	*epoch = ns / EPOCH_NS;
	return (__u32)(ns % EPOCH_NS / RW_DATAGRAM_PROOF_STAMP_NS) ?: 1;
}

/* How long ago that was, as far as it was in this epoch or the one before. */
static __always_inline __u64 age_of(const struct rw_proof_config *config,
				    __u64 now, __u32 stamp)
{
	__u64 here = (now + config->epoch_offset_ns) % EPOCH_NS;
	__u64 there = (__u64)stamp * RW_DATAGRAM_PROOF_STAMP_NS;

	return there <= here ? here - there : here + EPOCH_NS - there;
}

static __always_inline __u16 sum_up(const struct surplus *surplus, __u32 bytes)
{
	const __u16 *word = (const __u16 *)surplus;
	__u32 sum = bpf_htons(bytes);

#pragma unroll
	for (int i = 0; i < SURPLUS_WORDS; i++)
		sum += word[i];
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	return sum;
}

#endif
