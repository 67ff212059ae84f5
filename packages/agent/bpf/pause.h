/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whether enforcement is suspended by hand. Asked only where something is about to be refused. */
#ifndef RINGWALL_PAUSE_H
#define RINGWALL_PAUSE_H

#define PAUSE_NS_MAX (RW_PAUSE_SECONDS_MAX * 1000000000ULL)

/* 0 -> until when, since when and by whom; the agent's commands; fixed size */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rw_pause);
} pause SEC(".maps");

static __always_inline bool pause_in_force(void)
{
	__u32 zero = 0;
	struct rw_pause *state = bpf_map_lookup_elem(&pause, &zero);
	__u64 until, now;

	if (!state || !state->until_ns)
		return 0;
	until = state->until_ns;
	now = bpf_ktime_get_boot_ns();
	return now < until && until - now <= PAUSE_NS_MAX;
}

/* Global, so that the verifier walks it once and takes its answer as one state. */
__noinline __u32 is_paused(void)
{
	return pause_in_force();
}

static __always_inline bool blocks(__u8 mode)
{
	return mode == RW_MODE_BLOCK && !is_paused();
}

#endif
