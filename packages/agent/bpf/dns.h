/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * DNS between processes here and the configured resolvers, passed on to the
 * agent as it is: what it says is read there. An answer that the agent has not
 * taken in yet holds the SYN to an address that no rule allows, so that a rule
 * by name is not too late for a program that connects at once.
 */
#ifndef RINGWALL_DNS_H
#define RINGWALL_DNS_H

#define DNS_HOLD_NS (RW_DNS_HOLD_MS_MAX * 1000ULL * 1000)

/* address of a resolver -> 1; agent. Empty: no DNS is looked at. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct rw_resolver_key);
	__type(value, __u32);
} resolvers SEC(".maps");

/* enum rw_dns_time -> time; fixed size */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RW_DNS_TIME_MAX);
	__type(key, __u32);
	__type(value, __u64);
} dns_times SEC(".maps");

/*
 * Messages to the agent, apart from its other events: who asks a lot must not
 * crowd those out. Full: the message is dropped and counted (DNS_FULL); its
 * name allows nothing.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} dns_events SEC(".maps");

static __always_inline __u32 pass_part(struct __sk_buff *skb, __u32 at,
				       __u32 sequence, __u8 proto,
				       __u8 direction)
{
	__u32 bytes = skb->len - at;
	struct rw_dns_event *event;

	if (at >= skb->len)
		return 0;
	if (bytes > RW_DNS_BYTES_MAX)
		bytes = RW_DNS_BYTES_MAX;
	/* From 1 to the maximum, in words that 5.10 understands. */
	bytes--;
	barrier_var(bytes);
	bytes &= RW_DNS_BYTES_MAX - 1;
	bytes++;
	event = bpf_ringbuf_reserve(&dns_events, sizeof(*event), 0);
	if (!event) {
		count(RW_COUNT_DNS_FULL);
		return 0;
	}
	if (bpf_skb_load_bytes(skb, at, event->data, bytes)) {
		bpf_ringbuf_discard(event, 0);
		return 0;
	}
	event->header.type = 0;
	event->header.pad = 0;
	event->header.tgid = 0;
	event->header.time_ns = bpf_ktime_get_boot_ns();
	event->socket_cookie = bpf_get_socket_cookie(skb);
	event->sequence = sequence;
	event->bytes = bytes;
	event->proto = proto;
	event->direction = direction;
	if (direction == RW_DIRECTION_IN) {
		__u32 which = RW_DNS_TIME_ANSWERED;
		__u64 *answered = bpf_map_lookup_elem(&dns_times, &which);

		if (answered)
			*answered = event->header.time_ns;
	}
	bpf_ringbuf_submit(event, 0);
	return bytes;
}

static __always_inline bool is_resolver(const __u8 address[16])
{
	struct rw_resolver_key key;

	__builtin_memcpy(key.address, address, 16);
	return bpf_map_lookup_elem(&resolvers, &key) != NULL;
}

/*
 * Passes on what a packet to or from port 53 carries, where the other end is a
 * configured resolver. Global: walked once by the verifier.
 */
__noinline int observe_dns(struct __sk_buff *skb, __u32 proto, __u32 direction)
{
	bool out = direction == RW_DIRECTION_OUT;
	struct headers packet = {};
	__u8 doff = 0;
	__u32 at, part;

	if (parse(skb, &packet, proto) != PARSED)
		return 0;
	if ((out ? packet.destination_port : packet.source_port) != RW_DNS_PORT)
		return 0;
	if (!is_resolver(out ? packet.destination : packet.source))
		return 0;
	at = skb->len - packet.bytes;
	if (proto == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, at + 12, &doff, 1))
			return 0;
		at += (doff >> 4) * 4;
	} else {
		at += UDP_BYTES;
	}
	packet.sequence = bpf_ntohl(packet.sequence);
	for (int i = 0; i < RW_DNS_PARTS_MAX; i++) {
		part = pass_part(skb, at, packet.sequence, proto, direction);
		if (part < RW_DNS_BYTES_MAX || proto != IPPROTO_TCP)
			break;
		at += part;
		packet.sequence += part;
	}
	return 0;
}

/* Is there an answer that may name this destination, not taken in yet? */
static __always_inline bool awaits_name(const struct connection *connection,
					const struct judgement *result)
{
	__u32 which = RW_DNS_TIME_ANSWERED;
	__u64 *answered, *taken;

	if (result->rule || result->mode != RW_MODE_BLOCK ||
	    connection->proto != IPPROTO_TCP)
		return false;
	answered = bpf_map_lookup_elem(&dns_times, &which);
	which = RW_DNS_TIME_TAKEN;
	taken = bpf_map_lookup_elem(&dns_times, &which);
	if (!answered || !taken || *answered <= *taken)
		return false;
	return bpf_ktime_get_boot_ns() - *answered < DNS_HOLD_NS &&
	       agent_answers();
}

#endif
