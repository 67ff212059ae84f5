/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the kernel programs and the agent share about observed DNS. */
#ifndef RINGWALL_DNS_LAYOUT_H
#define RINGWALL_DNS_LAYOUT_H

enum rw_dns_limit {
	RW_DNS_PORT = 53,
	RW_DNS_BYTES_MAX = 2048, /* of a message in one event; more come in parts */
	RW_DNS_PARTS_MAX = 4, /* of one packet; the rest is cut */
	RW_DNS_HOLD_MS_MAX = 500, /* for the agent to take an answer in */
};

/* Index into the map `dns_times`, CLOCK_BOOTTIME in ns. */
enum rw_dns_time {
	RW_DNS_TIME_ANSWERED = 0, /* the last answer that was passed on; kernel */
	RW_DNS_TIME_TAKEN = 1, /* all up to here is in the peer maps; agent */
	RW_DNS_TIME_MAX = 2,
};

struct rw_resolver_key {
	__u8 address[16];
};

/* A query to a configured resolver, or its answer; TCP: a piece of either. */
struct rw_dns_event {
	struct rw_event_header header;
	__u64 socket_cookie;
	__u32 sequence; /* TCP: of the first byte of data */
	__u16 bytes; /* of data */
	__u8 proto;
	__u8 direction; /* out: to the resolver */
	char data[2048];
};

RW_SIZE(rw_resolver_key, 16);
RW_SIZE(rw_dns_event, 32 + 2048);

#endif
