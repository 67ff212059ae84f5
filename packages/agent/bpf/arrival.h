/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Inbound connections between their SYN and the end of the handshake. */
#ifndef RINGWALL_ARRIVAL_H
#define RINGWALL_ARRIVAL_H

/*
 * The place of an inbound connection while its handshake runs. A client's ports
 * are counted up, so that its connections lie side by side (used_place).
 */
static __always_inline struct arrival *arrival_at(const __u8 address[16],
						  __u16 peer_port, __u16 port)
{
	const __u32 *word = (const __u32 *)address;
	__u32 mixed = word[0] ^ word[1] ^ word[2] ^ word[3] ^ port;
	__u32 odd = peer_port & 1 ? ARRIVALS / 2 : 0;
	__u32 place = (mixed * 0x9e3779b1U >> 20) + (peer_port >> 1) + odd;

	place %= ARRIVALS;
	return bpf_map_lookup_elem(&arrivals, &place);
}

static __always_inline bool is_arrival(const struct arrival *arrival,
				       const __u8 address[16], __u16 peer_port,
				       __u16 port)
{
	return arrival->peer_port == peer_port &&
	       arrival->connection.port == port &&
	       same_address(arrival->connection.address, address);
}

#endif
