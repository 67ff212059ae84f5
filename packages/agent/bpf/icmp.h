/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP, whose type stands where others have a port. Going out it is judged at
 * the sockets that processes made (ping, raw); what the kernel says by itself
 * (errors, echo replies) passes. Coming in the kernel answers it before any
 * socket, so that only the device's program can judge it.
 */
#ifndef RINGWALL_ICMP_H
#define RINGWALL_ICMP_H

#define TC_DROP 2
#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO 8
#define ICMP6_ECHO 128
#define ICMP6_ECHO_REPLY 129
#define KERNEL_COOKIE 0xffffffffffffffffULL /* the kernel as a socket */

static __always_inline bool is_icmp(__u8 proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/*
 * Types that are judged by nobody: errors, neighbour discovery, membership of
 * groups, and answers, which nobody acts on who has not asked. A rule can't
 * take them away; a host without them is broken (RFC 4890).
 */
static __always_inline bool is_needed(__u8 proto, __u8 type)
{
	if (proto == IPPROTO_ICMP)
		return type == ICMP_ECHO_REPLY || type == 14 || type == 18 ||
		       (type >= 3 && type <= 5) || type == 11 || type == 12;
	return (type >= 1 && type <= 4) || type == ICMP6_ECHO_REPLY ||
	       (type >= 130 && type <= 137) || (type >= 141 && type <= 143) ||
	       (type >= 148 && type <= 153);
}

/* The type that an answer's question had. */
static __always_inline __u8 question_of(__u8 type)
{
	if (type == ICMP_ECHO_REPLY)
		return ICMP_ECHO;
	if (type == ICMP6_ECHO_REPLY)
		return ICMP6_ECHO;
	return type == 14 || type == 18 ? type - 1 : type;
}

/* The transport of a packet, or what find_transport6 says. */
static __always_inline int transport_of(struct __sk_buff *skb)
{
	__u8 proto = 0;
	int found;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		load(skb, IP4_PROTO_AT, &proto, 1);
		return proto;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
	    load(skb, IP6_PROTO_AT, &proto, 1))
		return HIDDEN;
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	    proto == IPPROTO_ICMPV6)
		return proto;
	found = find_transport6(skb, proto);
	return found < 0 ? found : found & 0xff;
}

/*
 * Of a packet at the device: its bytes are its own. A header beyond its end
 * is not the one that the kernel will read there.
 */
static __always_inline enum parse end_icmp(struct __sk_buff *skb,
					   struct headers *packet)
{
	__u32 end = own_bytes(skb);

	if (end < packet->transport_at + UDP_BYTES)
		return UNREADABLE;
	packet->bytes = end - packet->transport_at;
	return PARSED;
}

/* Both ports are the type: one flow for each peer and type. */
static __always_inline enum parse
parse_icmp(struct __sk_buff *skb, struct headers *packet, __u8 proto)
{
	enum parse how = parse(skb, packet, proto);

	if (how != PARSED)
		return how;
	packet->source_port >>= 8;
	packet->destination_port = packet->source_port;
	return PARSED;
}

#endif
