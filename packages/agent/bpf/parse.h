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
#define UDP_BYTES 8 /* ICMP's too */
#define IP4_PROTO_AT 9
#define IP6_PROTO_AT 6
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

enum parse {
	PARSED,
	UNREADABLE,
	NOT_THIS_PROTO, /* or hidden by extension headers of IPv6 */
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

/*
 * Behind the extension headers of IPv6: where the transport's header begins,
 * << 8 | which it is. HIDDEN for what can't be told: a route with stations ahead
 * (the address in the header is not who will get it), headers without end.
 * Global and all numbers but the packet: walked once.
 */
#define HIDDEN (-1)
#define LATER_FRAGMENT (-2) /* nothing to tell, and nothing without the first */
#define EXTENSIONS_MAX 6
#define EXTENSION_HOP_BY_HOP 0
#define EXTENSION_ROUTING 43
#define EXTENSION_FRAGMENT 44
#define EXTENSION_AUTHENTICATION 51
#define EXTENSION_DESTINATION 60

__noinline int find_transport6(struct __sk_buff *skb, __u32 next)
{
	__u32 at = IP6_BYTES;

	/* Once more, for what stands behind the last. */
	for (int i = 0; i <= EXTENSIONS_MAX; i++) {
		__u8 head[4] __attribute__((aligned(4)));

		if (next != EXTENSION_HOP_BY_HOP && next != EXTENSION_ROUTING &&
		    next != EXTENSION_FRAGMENT &&
		    next != EXTENSION_AUTHENTICATION &&
		    next != EXTENSION_DESTINATION)
			return at << 8 | (next & 0xff);
		if (load(skb, at, head, sizeof(head)))
			return HIDDEN;
		if (next == EXTENSION_ROUTING && head[3])
			return HIDDEN;
		if (next == EXTENSION_FRAGMENT) {
			if (head[2] || head[3] & 0xf8)
				return LATER_FRAGMENT;
			at += 8;
		} else if (next == EXTENSION_AUTHENTICATION) {
			at += (head[1] + 2) * 4;
		} else {
			at += (head[1] + 1) * 8;
		}
		next = head[0];
	}
	return HIDDEN;
}

/* RFC 791: not the first fragment of its packet. */
static __always_inline bool is_later_fragment(const __u8 ip[IP4_BYTES])
{
	return ip[7] || ip[6] & 0x1f;
}

static __always_inline enum parse parse_ip4(struct __sk_buff *skb,
					    struct headers *out, __u8 proto,
					    __u32 *at)
{
	__u8 ip[IP4_BYTES] __attribute__((aligned(4)));

	if (load(skb, 0, ip, sizeof(ip)))
		return UNREADABLE;
	if (ip[9] != proto || is_later_fragment(ip))
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
	int found;

	if (load(skb, 0, ip, sizeof(ip)))
		return UNREADABLE;
	__builtin_memcpy(out->source, ip + 8, 16);
	__builtin_memcpy(out->destination, ip + 24, 16);
	*at = IP6_BYTES;
	if (ip[6] == proto)
		return PARSED;
	found = find_transport6(skb, ip[6]);
	if (found < 0 || (found & 0xff) != proto)
		return NOT_THIS_PROTO;
	*at = found >> 8;
	return PARSED;
}

/*
 * What the packet is long by its own header, from there on: a frame may go on
 * behind its end. At the device, where the kernel has not cut it yet.
 */
static __always_inline __u32 own_bytes(struct __sk_buff *skb)
{
	__u8 ip[6] __attribute__((aligned(2)));

	if (load(skb, 0, ip, sizeof(ip)))
		return 0;
	return skb->protocol == bpf_htons(ETH_P_IP) ?
		       ip[2] << 8 | ip[3] :
		       IP6_BYTES + (ip[4] << 8 | ip[5]);
}

/*
 * Flags of a TCP segment whose headers are plain, read where they lie; -1: it
 * has to be parsed. Of use where flags alone decide.
 */
static __always_inline int plain_flags(struct __sk_buff *skb)
{
	__u8 *at = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	barrier_var(at);
	barrier_var(end);
	if ((void *)(at + IP4_BYTES + 14) > end)
		return -1;
	if (at[0] == 0x45)
		return at[IP4_PROTO_AT] == IPPROTO_TCP && !is_later_fragment(at) ?
			       at[IP4_BYTES + 13] :
			       -1;
	if (at[0] >> 4 != 6 || at[IP6_PROTO_AT] != IPPROTO_TCP ||
	    (void *)(at + IP6_BYTES + 14) > end)
		return -1;
	return at[IP6_BYTES + 13];
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

/*
 * The usual packet, read where it lies: no options before the transport's
 * header, no fragment. False: the long way. Only at a socket's hook, where data
 * begins with the IP header and not with what the link puts before it.
 */
static __always_inline bool parse_plain(struct __sk_buff *skb,
					struct headers *out, __u8 proto)
{
	__u8 *ip = (void *)(long)skb->data, *transport;
	void *end = (void *)(long)skb->data_end;
	__u32 ethernet_type = skb->protocol;

	/* Else a load of the context may move behind a branch, see ops.h. */
	barrier_var(ip);
	barrier_var(end);
	barrier_var(ethernet_type);
	if (ethernet_type == bpf_htons(ETH_P_IP)) {
		transport = ip + IP4_BYTES;
		if ((void *)(transport + UDP_BYTES) > end || ip[0] != 0x45 ||
		    ip[IP4_PROTO_AT] != proto || is_later_fragment(ip))
			return false;
		set_address4(out->source, *(__u32 *)(ip + 12));
		set_address4(out->destination, *(__u32 *)(ip + 16));
		out->transport_at = IP4_BYTES;
	} else {
		transport = ip + IP6_BYTES;
		if ((void *)(transport + UDP_BYTES) > end || ip[0] >> 4 != 6 ||
		    ip[IP6_PROTO_AT] != proto)
			return false;
		__builtin_memcpy(out->source, ip + 8, 16);
		__builtin_memcpy(out->destination, ip + 24, 16);
		out->transport_at = IP6_BYTES;
	}
	out->bytes = skb->len - out->transport_at;
	out->source_port = transport[0] << 8 | transport[1];
	out->destination_port = transport[2] << 8 | transport[3];
	if (proto != IPPROTO_TCP)
		return true;
	if ((void *)(transport + 16) > end)
		return false;
	out->sequence = *(__u32 *)(transport + 4);
	out->acknowledgement = *(__u32 *)(transport + 8);
	out->tcp_bytes = transport[12] >> 4 << 2;
	out->tcp_flags = transport[13];
	return true;
}

static __always_inline enum parse parse_at_socket(struct __sk_buff *skb,
						  struct headers *out,
						  __u8 proto)
{
	return parse_plain(skb, out, proto) ? PARSED : parse(skb, out, proto);
}

#endif
