/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Control groups come and go (optional). One made within a workload belongs to
 * it from the first moment; any other below the scope may be a new container,
 * which the agent is asked, and until it has answered nothing leaves.
 */
#ifndef RINGWALL_CGROUPS_H
#define RINGWALL_CGROUPS_H

static __always_inline bool cgroup_in_scope(struct cgroup *cgroup)
{
	if (!scope_id)
		return true;
	return BPF_CORE_READ(cgroup, level) > (int)scope_level &&
	       ancestor_id(cgroup, scope_level) == scope_id;
}

static __always_inline void ask_cgroup(__u64 cgroup_id, const char *path)
{
	struct rw_cgroup_event *event;

	event = reserve_event(RW_EVENT_CGROUP, 0, sizeof(*event));
	if (!event)
		return;
	event->cgroup_id = cgroup_id;
	bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	bpf_ringbuf_submit(event, 0);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_made, struct cgroup *cgroup, const char *path)
{
	/* A group begins with its own state, whose parent begins the parent. */
	struct cgroup *parent = (void *)BPF_CORE_READ(cgroup, self.parent);
	__u64 id = BPF_CORE_READ(cgroup, kn, id);
	__u64 parent_id = BPF_CORE_READ(parent, kn, id);
	struct rw_carried value = {}, *above;

	if (!carries() || !cgroup_in_scope(cgroup))
		return 0;
	above = bpf_map_lookup_elem(&carried, &parent_id);
	if (above && above->workload) {
		value = *above;
	} else {
		if (!agent_answers())
			return 0;
		value.since_ns = bpf_ktime_get_boot_ns();
		value.flags = RW_CARRIED_FRESH;
	}
	if (bpf_map_update_elem(&carried, &id, &value, BPF_ANY)) {
		count(RW_COUNT_CARRIED_FULL);
		return 0;
	}
	if (!value.workload)
		ask_cgroup(id, path);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_gone, struct cgroup *cgroup, const char *path)
{
	__u64 id = BPF_CORE_READ(cgroup, kn, id);

	bpf_map_delete_elem(&carried, &id);
	return 0;
}

#endif
