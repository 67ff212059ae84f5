/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The verdict. Look-ups go from the pair that names both ends to the one that
 * names none, and within a pair from one port to all ports; the first hit is
 * the answer, no hit is the default deny. The compiler lowers a policy so that
 * the first hit is always the right one (docs/dataplane.md).
 */
#ifndef RINGWALL_POLICY_H
#define RINGWALL_POLICY_H

/* One attempt at one end, and the slot that judges it. */
struct attempt {
	__u8 address[16]; /* the peer */
	__u32 slot;
	__u32 identity;
	__u32 subject;
	__u32 peer_class;
	__u16 port;
	__u8 proto;
	__u8 direction;
	__u8 agent; /* made by the agent itself */
	__u8 self; /* the peer is this workload */
	__u8 pad[2];
};

struct judgement {
	__u32 rule;
	__u8 verdict;
	__u8 reason;
	__u8 mode;
	__u8 fail_open;
};

static __always_inline struct rw_slot *live_slot(__u32 *index)
{
	__u32 which = RW_ACTIVE_SLOT;
	__u32 *live = bpf_map_lookup_elem(&active, &which);

	if (!live)
		return NULL;
	*index = *live & 1;
	return bpf_map_lookup_elem(&slots, index);
}

static __always_inline bool is_loopback(const __u8 address[16])
{
	const __u32 *word = (const __u32 *)address;

	if (word[0] || word[1])
		return false;
	if (word[2] == bpf_htonl(0xffff))
		return address[12] == 127;
	return !word[2] && word[3] == bpf_htonl(1);
}

/* The peer's class and whether it is this workload. */
static __always_inline void find_peer(struct attempt *attempt)
{
	struct rw_peer_key key = { .prefix_bits = 128 };
	struct rw_peer_value *peer;
	void *map;

	attempt->self = is_loopback(attempt->address);
	map = bpf_map_lookup_elem(&peers, &attempt->slot);
	if (!map)
		return;
	__builtin_memcpy(key.address, attempt->address, 16);
	peer = bpf_map_lookup_elem(map, &key);
	if (!peer)
		return;
	attempt->peer_class = peer->peer_class;
	if (peer->flags & RW_PEER_SELF)
		attempt->self = 1;
}

static __always_inline void find_subject(struct attempt *attempt)
{
	__u32 *class;
	void *map;

	attempt->subject = RW_SUBJECT_UNKNOWN;
	if (attempt->agent) {
		attempt->subject = RW_SUBJECT_AGENT;
		return;
	}
	if (!attempt->identity)
		return;
	map = bpf_map_lookup_elem(&subjects, &attempt->slot);
	if (!map)
		return;
	class = bpf_map_lookup_elem(map, &attempt->identity);
	if (class)
		attempt->subject = *class;
}

/* The entry for one pair with the longest port prefix, or NULL. */
static __always_inline struct rw_policy_value *
find_in_pair(void *map, __u32 levels, struct rw_policy_key *key, __u16 port,
	     __u8 direction)
{
	struct rw_policy_value *value;

	for (int bits = RW_PORT_BITS_MAX; bits >= 0; bits--) {
		if (!(levels & (1U << bits)))
			continue;
		key->port = port & (__u16)(0xffff0000U >> bits);
		key->direction_bits = direction << 5 | bits;
		value = bpf_map_lookup_elem(map, key);
		if (value)
			return value;
	}
	return NULL;
}

static __noinline struct rw_policy_value *find_policy(struct attempt *attempt,
						      struct rw_slot *slot)
{
	struct rw_policy_key key = { .proto = attempt->proto };
	struct rw_policy_value *value;
	bool out = attempt->direction == RW_DIRECTION_OUT;
	void *map = bpf_map_lookup_elem(&policies, &attempt->slot);

	if (!map) {
		if (slot->generation)
			count(RW_COUNT_SLOT_INCOMPLETE);
		return NULL;
	}
	for (int pair = 0; pair < RW_PAIRS; pair++) {
		__u32 levels = out ? slot->levels_out[pair] :
				     slot->levels_in[pair];

		if (!levels)
			continue;
		key.subject = pair & 1 ? RW_ANY : attempt->subject;
		key.peer = pair & 2 ? RW_ANY : attempt->peer_class;
		value = find_in_pair(map, levels, &key, attempt->port,
				     attempt->direction);
		if (value)
			return value;
	}
	return NULL;
}

/* What the mode makes of a deny. */
static __always_inline void settle_deny(struct judgement *out, bool immediate,
					bool spared)
{
	if (immediate)
		out->reason = RW_REASON_IMMEDIATE_DENY;
	if (spared && (immediate || out->mode == RW_MODE_BLOCK)) {
		out->verdict = RW_VERDICT_WOULD_BLOCK;
		out->reason = RW_REASON_LOOPBACK;
	} else if (immediate || out->mode == RW_MODE_BLOCK) {
		out->verdict = RW_VERDICT_BLOCKED;
	} else if (out->mode == RW_MODE_ALERT) {
		out->verdict = RW_VERDICT_WOULD_BLOCK_ALERT;
	} else if (out->mode == RW_MODE_OBSERVE) {
		out->verdict = RW_VERDICT_WOULD_BLOCK;
	} else {
		out->verdict = RW_VERDICT_ALLOWED;
		out->reason = RW_REASON_UNGOVERNED;
	}
}

static __always_inline void judge(struct attempt *attempt, struct rw_slot *slot,
				  struct judgement *out)
{
	struct rw_policy_value *value;

	out->mode = attempt->direction == RW_DIRECTION_OUT ? slot->mode_out :
							     slot->mode_in;
	out->fail_open = slot->fail_open;
	find_peer(attempt);
	find_subject(attempt);
	value = find_policy(attempt, slot);
	if (!value) {
		out->rule = 0;
		out->reason = RW_REASON_DEFAULT_DENY;
		settle_deny(out, false, attempt->self && !slot->loopback_enforce);
		return;
	}
	out->rule = value->rule;
	if (value->action == RW_ACTION_ALLOW) {
		out->verdict = RW_VERDICT_ALLOWED;
		out->reason = value->flags & RW_POLICY_ESSENTIAL ?
				      RW_REASON_ESSENTIAL :
				      RW_REASON_RULE_ALLOW;
		return;
	}
	out->reason = RW_REASON_RULE_DENY;
	settle_deny(out, value->flags & RW_POLICY_IMMEDIATE,
		    attempt->self && !slot->loopback_enforce);
}

#endif
