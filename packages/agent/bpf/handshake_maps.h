/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The maps of inbound handshakes; what is said in maps.h holds here. */
#ifndef RINGWALL_HANDSHAKE_MAPS_H
#define RINGWALL_HANDSHAKE_MAPS_H

/*
 * hash of both ports and the peer -> inbound connection whose handshake runs:
 * judged at the SYN, taken over by the new socket. Two handshakes that share a
 * place overwrite each other; the later packet of the first fills it again.
 */
#define ARRIVALS 4096 /* a power of two */

struct arrival {
	struct connection connection;
	__u8 own[16]; /* which of the host's addresses it is made to */
	__u64 proof; /* MAC of its SYN; 0: it had none */
	__u32 proof_place; /* of that MAC in `used_proofs` */
	__u32 sequence; /* of the SYN that was judged at the device */
	__u16 peer_port;
	__u8 judged; /* at the device; the socket's hook need not */
	__u8 pad[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ARRIVALS);
	__type(key, __u32);
	__type(value, struct arrival);
} arrivals SEC(".maps");

/*
 * 0 -> the inbound connection that is being judged: too large for the stack
 * beside what it is judged by; kernel, with bottom halves off
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connection);
} inbound_work SEC(".maps");

struct refused_key {
	__u8 peer_address[16];
	__u8 address[16];
	__u16 peer_port;
	__u16 port;
	__u32 proto;
};

struct refused_value {
	__u64 time_ns;
	__u32 sequence; /* of a SYN */
	__u32 pad;
};

/*
 * refused SYN or datagram -> when; kernel. Recognises retransmissions, and
 * tells sk_lookup what to answer by a reset or an ICMP error. Full: the oldest
 * goes; its retransmission is counted again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct refused_key);
	__type(value, struct refused_value);
} refused_packets SEC(".maps");

#endif
