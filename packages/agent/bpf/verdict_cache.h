/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a rule allowed lately to known software: the same once more is spared
 * some eight look-ups. No refusals, which may depend on the time. An entry
 * counts while nothing that verdicts are made of has changed (dataplane.md).
 */
#ifndef RINGWALL_VERDICT_CACHE_H
#define RINGWALL_VERDICT_CACHE_H

#define VERDICT_BITS 9
#define VERDICTS_EACH (1 << VERDICT_BITS) /* of each CPU */
#define VERDICT_WORDS 8

/*
 * A CPU has its entries for itself, but another program may run there before
 * one has ended: `seq` tells a reader, the lock keeps out a second writer.
 */
struct past_verdict {
	struct bpf_spin_lock lock;
	__u32 seq; /* odd: being written */
	__u64 key[VERDICT_WORDS];
	__u32 identity;
	__u32 subject;
	__u32 peer_class;
	__u32 rule;
	__u32 rest; /* verdict | reason << 8 | level << 16 */
	__u32 number; /* of TCP's own software, where it proves itself */
};

/* CPU and hash of the attempt -> verdict; kernel. The loader sets the size. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VERDICTS_EACH);
	__type(key, __u32);
	__type(value, struct past_verdict);
} past_verdicts SEC(".maps");

/*
 * 0 -> CLOCK_BOOTTIME of the last change to what verdicts are made of, ns; the
 * agent, after each change to a slot, an identity or a class
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} changed SEC(".maps");

/* Read before the look-ups: what changes meanwhile makes the entry useless. */
static __always_inline __u64 last_change(void)
{
	__u32 zero = 0;
	__u64 *when = bpf_map_lookup_elem(&changed, &zero);

	return when ? *when : 0;
}

/*
 * The words of an entry's key: all that a verdict depends on beside the agent's
 * maps. One by one, as there is no room for them on the stack of all who judge.
 */
static __always_inline __u64 key_word(const struct connection *connection,
				      __u32 slot_index, __u64 change,
				      const int word)
{
	const struct rw_process *process = &connection->process;
	const __u64 *half = (const __u64 *)connection->address;

	switch (word) {
	case 0:
		return half[0];
	case 1:
		return half[1];
	case 2:
		return process->cgroup_id;
	case 3:
		return process->exe_id | (__u64)process->script_id << 32;
	case 4:
		return process->uid | (__u64)process->flags << 32;
	case 5:
		return connection->port | (__u64)connection->proto << 16 |
		       (__u64)connection->direction << 24 |
		       (__u64)connection->remote_number << 32;
	case 6:
		return slot_index | (__u64)connection->remote << 32;
	default:
		return change;
	}
}

static __always_inline struct past_verdict *
past_verdict_of(const struct connection *connection)
{
	const __u64 *half = (const __u64 *)connection->address;
	__u64 mixed = half[0] ^ half[1] ^ connection->remote_number ^
		      (__u64)connection->process.exe_id << 12 ^
		      (__u64)connection->process.script_id << 22 ^
		      (__u64)connection->port << 8 ^
		      connection->direction << 4 ^ connection->remote;
	__u32 index = bpf_get_smp_processor_id() << VERDICT_BITS;

	index |= mixed * 0x9e3779b97f4a7c15ULL >> (64 - VERDICT_BITS);
	return bpf_map_lookup_elem(&past_verdicts, &index);
}

/* Fills in what the same attempt got before; 0: nobody knows. */
static __noinline int recall_verdict(struct connection *connection,
				     __u32 slot_index, __u64 change)
{
	__u32 identity, subject, peer_class, rule, rest, number, seq;
	struct past_verdict *past = past_verdict_of(connection);
	__u64 other = 0;

	if (!past)
		return 0;
	seq = past->seq;
	barrier();
#pragma unroll
	for (int i = 0; i < VERDICT_WORDS; i++)
		other |= past->key[i] ^
			 key_word(connection, slot_index, change, i);
	identity = past->identity;
	subject = past->subject;
	peer_class = past->peer_class;
	rule = past->rule;
	rest = past->rest;
	number = past->number;
	barrier();
	if (other || seq & 1 || past->seq != seq)
		return 0;
	connection->identity = identity;
	connection->subject = subject;
	connection->peer_class = peer_class;
	connection->rule = rule;
	connection->verdict = rest;
	connection->reason = rest >> 8;
	connection->level = rest >> 16;
	if (number)
		*kept_number(connection) = number;
	return 1;
}

static __noinline int remember_verdict(struct connection *connection,
				       __u32 slot_index, __u64 change)
{
	struct past_verdict *past = past_verdict_of(connection);
	__u32 number = 0;

	if (!past)
		return 0;
	if (connection->proto == IPPROTO_TCP &&
	    (connection->flags & CONNECTION_PROVES))
		number = number_of(connection->identity);
	bpf_spin_lock(&past->lock);
	past->seq++;
	barrier();
#pragma unroll
	for (int i = 0; i < VERDICT_WORDS; i++)
		past->key[i] = key_word(connection, slot_index, change, i);
	past->identity = connection->identity;
	past->subject = connection->subject;
	past->peer_class = connection->peer_class;
	past->rule = connection->rule;
	past->rest = connection->verdict | connection->reason << 8 |
		     connection->level << 16;
	past->number = number;
	barrier();
	past->seq++;
	bpf_spin_unlock(&past->lock);
	return 0;
}

#endif
