/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Headers of a packet, at the socket or at the device. Offsets count from the
 * IP header. A socket's hook sees whole packets: fragments are put together
 * before.
 */
#ifndef RINGWALL_PARSE_H
#define RINGWALL_PARSE_H

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define IP4_BYTES 20
#define IP6_BYTES 40
#define UDP_BYTES 8
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

enum parse {
	PARSED,
	UNREADABLE,
	NOT_THIS_PROTO, /* IPv6 extension headers are in between */
};

struct headers {
	__u8 source[16];
	__u8 destination[16];
	__u32 sequence;
	__u32 acknowledgement; /* as in the packet */
	__u32 bytes; /* of the transport's header and payload */
	__u16 transport_at; /* where that header begins */
	__u16 source_port;
	__u16 destination_port;
	__u8 tcp_flags;
	__u8 tcp_bytes; /* of its header */
};

static __always_inline long load(struct __sk_buff *skb, __u32 at, void *to,
				 __u32 bytes)
{
	return bpf_skb_load_bytes_relative(skb, at, to, bytes,
					   BPF_HDR_START_NET);
}

static __always_inline enum parse parse_ip4(struct __sk_buff *skb,
					    struct headers *out, __u8 proto,
					    __u32 *at)
{
	__u8 ip[IP4_BYTES] __attribute__((aligned(4)));

	if (load(skb, 0, ip, sizeof(ip)))
		return UNREADABLE;
	if (ip[9] != proto)
		return NOT_THIS_PROTO;
	*at = (ip[0] & 15) * 4;
	set_address4(out->source, *(__u32 *)(ip + 12));
	set_address4(out->destination, *(__u32 *)(ip + 16));
	return PARSED;
}

static __always_inline enum parse parse_ip6(struct __sk_buff *skb,
					    struct headers *out, __u8 proto,
					    __u32 *at)
{
	__u8 ip[IP6_BYTES] __attribute__((aligned(4)));

	if (load(skb, 0, ip, sizeof(ip)))
		return UNREADABLE;
	__builtin_memcpy(out->source, ip + 8, 16);
	__builtin_memcpy(out->destination, ip + 24, 16);
	if (ip[6] != proto)
		return NOT_THIS_PROTO;
	*at = IP6_BYTES;
	return PARSED;
}

/*
 * A function of its own: its buffers would else stay on the stack of whoever
 * asks, below the judging, and kernels before 6.13 count all of them together
 * (512 bytes at most).
 */
static __noinline enum parse parse(struct __sk_buff *skb, struct headers *out,
				   __u8 proto)
{
	__u8 transport[16] __attribute__((aligned(4)));
	enum parse how;
	__u32 at = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		how = parse_ip4(skb, out, proto, &at);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		how = parse_ip6(skb, out, proto, &at);
	else
		return UNREADABLE;
	if (how != PARSED)
		return how;
	out->bytes = skb->len - at;
	out->transport_at = at;
	if (proto == IPPROTO_TCP) {
		if (load(skb, at, transport, 16))
			return UNREADABLE;
		out->sequence = *(__u32 *)(transport + 4);
		out->acknowledgement = *(__u32 *)(transport + 8);
		out->tcp_bytes = transport[12] >> 4 << 2;
		out->tcp_flags = transport[13];
	} else if (load(skb, at, transport, 4)) {
		return UNREADABLE;
	}
	out->source_port = transport[0] << 8 | transport[1];
	out->destination_port = transport[2] << 8 | transport[3];
	return PARSED;
}

#endif
