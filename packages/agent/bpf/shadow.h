/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A draft beside the live policy: the third slot judges what the live one has
 * judged, and what it would have done otherwise is counted. It never changes a
 * verdict, and while none is set it costs one look-up in an array of one.
 */
#ifndef RINGWALL_SHADOW_H
#define RINGWALL_SHADOW_H

static __always_inline __u32 draft_slot(const struct connection *connection)
{
	return (connection->workload & ~RW_BY_HOST) * RW_SLOTS_EACH +
	       RW_SHADOW_SLOT;
}

static __always_inline void judge_by_draft(const struct connection *connection,
					   struct rw_slot *slot,
					   struct judgement *out)
{
	struct attempt attempt = { .slot = draft_slot(connection) };

	attempt.identity = connection->identity;
	attempt.agent = !!(connection->process.flags & RW_TASK_AGENT);
	attempt.address = connection->address;
	attempt.port = connection->port;
	attempt.proto = connection->proto;
	attempt.direction = connection->direction;
	attempt.remote = connection->remote;
	attempt.remote_number = connection->remote_number;
	judge(&attempt, slot, out);
}

/* In read-only data: on the stack it would be one thing too many. */
static const struct rw_shadow_value no_difference;

static __always_inline void count_difference(const struct rw_shadow_key *key,
					     struct rw_shadow *shadow)
{
	struct rw_shadow_value *seen = bpf_map_lookup_elem(&differences, key);

	if (!seen) {
		/* Another CPU may be first. */
		bpf_map_update_elem(&differences, key, &no_difference,
				    BPF_NOEXIST);
		seen = bpf_map_lookup_elem(&differences, key);
		if (!seen) {
			__sync_fetch_and_add(&shadow->full, 1);
			return;
		}
	}
	__sync_fetch_and_add(&seen->count, 1);
	seen->last_ns = bpf_ktime_get_boot_ns();
	if (!seen->first_ns)
		seen->first_ns = seen->last_ns;
}

/*
 * Functions of their own, one after the other: kernels before 6.12 give all
 * that call each other 512 bytes of stack together, and whoever comes here has
 * used most of them.
 */
static __noinline int record_difference(const struct connection *connection,
					struct rw_shadow *shadow,
					__u32 draft_rule, __u8 draft_verdict)
{
	struct rw_shadow_key key = {};

	key.identity = connection->identity;
	key.live_rule = connection->rule;
	key.draft_rule = draft_rule;
	__builtin_memcpy(key.address, connection->address, 16);
	key.port = connection->port;
	key.proto = connection->proto;
	key.direction = connection->direction;
	key.live_verdict = connection->verdict;
	key.draft_verdict = draft_verdict;
	key.workload = connection->workload & ~RW_BY_HOST;
	count_difference(&key, shadow);
	return 0;
}

static __noinline int compare_with_draft(const struct connection *connection,
					 struct rw_shadow *shadow)
{
	struct judgement draft = {};
	__u32 index = draft_slot(connection);
	struct rw_slot *slot;

	if (bpf_ktime_get_boot_ns() > shadow->until_ns)
		return 0;
	slot = bpf_map_lookup_elem(&slots, &index);
	if (!slot || !slot->generation)
		return 0;
	judge_by_draft(connection, slot, &draft);
	__sync_fetch_and_add(&shadow->met, 1);
	if (draft.verdict != connection->verdict)
		record_difference(connection, shadow, draft.rule,
				  draft.verdict);
	return 0;
}

/* Once for each attempt that is counted as a flow. */
static __always_inline void meet_draft(const struct connection *connection)
{
	__u32 whose = connection->workload & ~RW_BY_HOST;
	struct rw_shadow *now = bpf_map_lookup_elem(&shadow, &whose);

	if (now && now->until_ns)
		compare_with_draft(connection, now);
}

#endif
