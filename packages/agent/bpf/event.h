/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What all events to the agent begin with. */
#ifndef RINGWALL_EVENT_H
#define RINGWALL_EVENT_H

/* An event with nothing but its header; NULL, and counted: the ring is full. */
static __always_inline void *reserve_event(__u16 type, __u32 tgid,
					   const __u64 bytes)
{
	struct rw_event_header *header = bpf_ringbuf_reserve(&events, bytes, 0);

	if (!header) {
		count(RW_COUNT_RING_FULL);
		return NULL;
	}
	__builtin_memset(header, 0, bytes);
	header->type = type;
	header->tgid = tgid;
	header->time_ns = bpf_ktime_get_boot_ns();
	return header;
}

#endif
