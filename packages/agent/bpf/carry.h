/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which policy judges. One set of programs serves a host and all that it
 * carries: a process's control group says whose it is, and the workload which
 * slot is live. Everything else hangs on the number of that slot.
 */
#ifndef RINGWALL_CARRY_H
#define RINGWALL_CARRY_H

#define SLOT_MASK 0xffffU /* of what live_slot gives: the slot; above: whose */
#define WORKLOAD_SHIFT 16
#define ACTIVE_CARRIES 2U /* in active[RW_ACTIVE_SLOT] */
#define DESCRIBE_NS (RW_FRESH_MS_MAX * 1000ULL * 1000)

_Static_assert(RW_SLOTS == RW_WORKLOADS * RW_SLOTS_EACH, "RW_SLOTS");
_Static_assert(RW_WORKLOADS == RW_CARRIED_MAX + 1, "RW_WORKLOADS");
_Static_assert(RW_SLOTS < SLOT_MASK && RW_WORKLOADS < RW_BY_HOST, "numbers");

static __always_inline bool carries(void)
{
	__u32 which = RW_ACTIVE_SLOT;
	__u32 *live = bpf_map_lookup_elem(&active, &which);

	return live && (*live & ACTIVE_CARRIES);
}

/* Global and all numbers, like its like here: verified once. */
__noinline __u32 workload_of(__u64 cgroup_id)
{
	struct rw_carried *found;

	if (!carries())
		return 0;
	found = bpf_map_lookup_elem(&carried, &cgroup_id);
	return found ? found->workload : 0;
}

static __always_inline bool governs(__u32 index, __u32 direction)
{
	struct rw_slot *slot = bpf_map_lookup_elem(&slots, &index);

	if (!slot)
		return false;
	return direction == RW_DIRECTION_OUT ? slot->mode_out : slot->mode_in;
}

/*
 * The live slot for a control group: its workload's, unless nothing governs
 * that and something governs the host. Above the slot: what a connection keeps
 * of it, whose it is and by whose policy.
 */
__noinline __u32 find_slot(__u64 cgroup_id, __u32 direction)
{
	__u32 which = RW_ACTIVE_SLOT;
	__u32 *live = bpf_map_lookup_elem(&active, &which);
	__u32 host, own, workload;
	struct rw_carried *found;

	if (!live)
		return 0;
	host = *live & 1;
	if (!(*live & ACTIVE_CARRIES))
		return host;
	found = bpf_map_lookup_elem(&carried, &cgroup_id);
	if (!found || !found->workload)
		return host;
	workload = found->workload;
	live = bpf_map_lookup_elem(&workloads, &workload);
	if (!live)
		return host;
	own = workload * RW_SLOTS_EACH + (*live & 1);
	if (governs(own, direction) || !governs(host, direction))
		return own | workload << WORKLOAD_SHIFT;
	return host | (workload | RW_BY_HOST) << WORKLOAD_SHIFT;
}

static __always_inline struct rw_slot *live_slot(__u64 cgroup_id,
						 __u32 direction, __u32 *index)
{
	__u32 slot;

	*index = find_slot(cgroup_id, direction);
	slot = *index & SLOT_MASK;
	return bpf_map_lookup_elem(&slots, &slot);
}

/* Judged by what is in force? Told without a call, only where nobody is carried. */
static __always_inline bool is_of_revision(__u64 generation)
{
	__u32 which = RW_ACTIVE_SLOT;
	__u32 *live = bpf_map_lookup_elem(&active, &which);
	struct rw_slot *slot;

	if (!live || (*live & ACTIVE_CARRIES))
		return false;
	which = *live & 1;
	slot = bpf_map_lookup_elem(&slots, &which);
	return slot && slot->generation == generation;
}

static __always_inline struct rw_slot *
slot_of(const struct connection *connection, __u32 *index)
{
	return live_slot(connection->process.cgroup_id, connection->direction,
			 index);
}

/* Of whoever made the socket. */
static __always_inline __u64 socket_cgroup(struct bpf_sock *sk)
{
	return bpf_sk_cgroup_id(sk);
}

/* Whose address is it? 0: the host's, or nobody's here. */
static __always_inline __u64 cgroup_at(const __u8 address[16])
{
	__u64 *found;

	if (!carries())
		return 0;
	found = bpf_map_lookup_elem(&carried_addresses, address);
	return found ? *found : 0;
}

/*
 * Was the control group made so lately that the agent has not said yet what it
 * is? What it opens waits, as for a process that is not known.
 */
__noinline int is_undescribed(__u64 cgroup_id)
{
	struct rw_carried *found;

	found = bpf_map_lookup_elem(&carried, &cgroup_id);
	return found && (found->flags & RW_CARRIED_FRESH) &&
	       bpf_ktime_get_boot_ns() - found->since_ns < DESCRIBE_NS &&
	       agent_answers();
}

static __always_inline bool awaits_description(__u64 cgroup_id)
{
	return carries() && is_undescribed(cgroup_id);
}

#endif
