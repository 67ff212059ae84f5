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
	const __u8 *address; /* the peer, 16 bytes */
	__u32 slot;
	__u32 identity;
	__u32 subject;
	__u32 peer_class;
	__u32 remote; /* enum rw_remote; FIRST before it is looked up */
	__u32 remote_number;
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

static __always_inline bool is_loopback(const __u8 address[16])
{
	const __u32 *word = (const __u32 *)address;

	if (word[0] || word[1])
		return false;
	if (word[2] == bpf_htonl(0xffff))
		return address[12] == 127;
	return !word[2] && word[3] == bpf_htonl(1);
}

/*
 * The class of an address, and whether it is this workload's (<< 32). Global
 * and all numbers for the same reasons as find_policy.
 */
__noinline __u64 find_class(__u32 slot_index, __u64 first, __u64 second)
{
	struct rw_peer_key key = { .prefix_bits = 128 };
	__u32 *word = (__u32 *)key.address;
	struct rw_peer_value *peer;
	__u64 self;
	void *map;

	word[0] = first;
	word[1] = first >> 32;
	word[2] = second;
	word[3] = second >> 32;
	self = is_loopback(key.address) ? 1ULL << 32 : 0;
	map = bpf_map_lookup_elem(&peers, &slot_index);
	if (!map)
		return self;
	peer = bpf_map_lookup_elem(map, &key);
	if (!peer)
		return self;
	if (peer->flags & RW_PEER_SELF)
		self = 1ULL << 32;
	return peer->peer_class | self;
}

static __always_inline void find_peer(struct attempt *attempt)
{
	const __u32 *word = (const __u32 *)attempt->address;
	__u64 found = find_class(attempt->slot,
				 word[0] | (__u64)word[1] << 32,
				 word[2] | (__u64)word[3] << 32);

	attempt->peer_class = (__u32)found;
	attempt->self = found >> 32 & 1;
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

/* The class of the software that the peer has proved. */
static __always_inline void find_remote(struct attempt *attempt)
{
	__u32 *class;
	void *map;

	if (attempt->remote != RW_REMOTE_FIRST)
		return;
	attempt->remote = RW_REMOTE_UNKNOWN;
	if (!attempt->remote_number)
		return;
	map = bpf_map_lookup_elem(&remotes, &attempt->slot);
	if (!map)
		return;
	class = bpf_map_lookup_elem(map, &attempt->remote_number);
	if (class)
		attempt->remote = *class;
}

/* The entry for one pair with the longest port prefix, or NULL. */
static __always_inline struct rw_policy_value *
find_in_pair(void *map, __u32 levels, struct rw_policy_key *key, __u16 port,
	     __u8 direction)
{
	struct rw_policy_value *value;

#pragma clang loop unroll(disable)
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

/* An entry as a number: rule, action << 32, flags << 40; 0 is no entry. */
static __always_inline __u64 pack(const struct rw_policy_value *value)
{
	return value->rule | (__u64)value->action << 32 |
	       (__u64)value->flags << 40;
}

/*
 * The entry for a subject, a peer, a channel (port, proto << 16, direction <<
 * 24) and a remote class, for which there are entries of this very pair only
 * and before all others. Global and all numbers, so that the verifier walks these loops once
 * and not in each place that asks; 5.10 allows such functions no pointers.
 */
__noinline __u64 find_policy(__u32 slot_index, __u32 subject, __u32 peer,
			     __u32 channel, __u32 remote)
{
	struct rw_policy_key key = { .proto = channel >> 16 };
	struct rw_policy_value *value;
	__u8 direction = channel >> 24;
	struct rw_slot *slot;
	void *map;

	slot = bpf_map_lookup_elem(&slots, &slot_index);
	if (!slot)
		return 0;
	map = bpf_map_lookup_elem(&policies, &slot_index);
	if (!map) {
		if (slot->generation)
			count(RW_COUNT_SLOT_INCOMPLETE);
		return 0;
	}
	if (remote) {
		key.subject = subject;
		key.peer = peer;
		key.remote = remote;
		value = find_in_pair(map,
				     slot->levels_remote[direction ==
							 RW_DIRECTION_IN],
				     &key, (__u16)channel, direction);
		if (value)
			return pack(value);
		key.remote = 0;
	}
#pragma clang loop unroll(disable)
	for (int pair = 0; pair < RW_PAIRS; pair++) {
		__u32 levels = direction == RW_DIRECTION_OUT ?
				       slot->levels_out[pair] :
				       slot->levels_in[pair];

		if (!levels)
			continue;
		key.subject = pair & 1 ? RW_ANY : subject;
		key.peer = pair & 2 ? RW_ANY : peer;
		value = find_in_pair(map, levels, &key, (__u16)channel,
				     direction);
		if (value)
			return pack(value);
	}
	return 0;
}

enum deny {
	DENY_IMMEDIATE = 1,
	DENY_SPARED = 2, /* loopback that is only recorded */
	DENY_BY_RULE = 4,
};

/*
 * What the mode makes of a deny: verdict, reason << 8, mode << 16. Global, so
 * that its outcomes are one state for the verifier.
 */
__noinline __u32 outcome_of_deny(__u32 mode, __u32 deny)
{
	__u32 verdict = RW_VERDICT_WOULD_BLOCK;
	__u32 reason = deny & DENY_BY_RULE ? RW_REASON_RULE_DENY :
					     RW_REASON_DEFAULT_DENY;

	if (deny & DENY_IMMEDIATE)
		reason = RW_REASON_IMMEDIATE_DENY;
	if (deny & DENY_IMMEDIATE || mode == RW_MODE_BLOCK) {
		verdict = RW_VERDICT_BLOCKED;
		if (deny & DENY_SPARED) {
			verdict = RW_VERDICT_WOULD_BLOCK;
			reason = RW_REASON_LOOPBACK;
		} else if (pause_in_force()) {
			mode = RW_MODE_ALERT;
			verdict = RW_VERDICT_WOULD_BLOCK_ALERT;
			reason = RW_REASON_PAUSED;
		}
	} else if (mode == RW_MODE_ALERT) {
		verdict = RW_VERDICT_WOULD_BLOCK_ALERT;
	} else if (mode != RW_MODE_OBSERVE) {
		verdict = RW_VERDICT_ALLOWED;
		reason = RW_REASON_UNGOVERNED;
	}
	return verdict | reason << 8 | mode << 16;
}

static __always_inline void settle_deny(struct judgement *out,
					const struct attempt *attempt,
					const struct rw_slot *slot, __u32 deny)
{
	__u32 outcome;

	if (attempt->self && !slot->loopback_enforce)
		deny |= DENY_SPARED;
	outcome = outcome_of_deny(out->mode, deny);
	out->verdict = outcome;
	out->reason = outcome >> 8;
	out->mode = outcome >> 16;
}

static __always_inline void set_mode(struct judgement *out,
				     const struct rw_slot *slot, __u8 direction)
{
	out->mode = direction == RW_DIRECTION_OUT ? slot->mode_out :
						    slot->mode_in;
	out->fail_open = slot->fail_open;
}

static __always_inline void judge(struct attempt *attempt, struct rw_slot *slot,
				  struct judgement *out)
{
	__u64 entry;
	__u8 flags;

	set_mode(out, slot, attempt->direction);
	find_peer(attempt);
	find_subject(attempt);
	find_remote(attempt);
	entry = find_policy(attempt->slot, attempt->subject,
			    attempt->peer_class,
			    attempt->port | attempt->proto << 16 |
				    attempt->direction << 24,
			    attempt->remote);
	out->rule = (__u32)entry;
	if (!entry) {
		settle_deny(out, attempt, slot, 0);
		return;
	}
	flags = entry >> 40;
	if ((__u8)(entry >> 32) == RW_ACTION_ALLOW) {
		out->verdict = RW_VERDICT_ALLOWED;
		out->reason = flags & RW_POLICY_ESSENTIAL ?
				      RW_REASON_ESSENTIAL :
				      RW_REASON_RULE_ALLOW;
		return;
	}
	settle_deny(out, attempt, slot,
		    flags & RW_POLICY_IMMEDIATE ? DENY_BY_RULE | DENY_IMMEDIATE :
						  DENY_BY_RULE);
}

#endif
