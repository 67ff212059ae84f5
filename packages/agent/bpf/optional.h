/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Programs that not every kernel takes. The loader tries each by itself and
 * keeps the verifier's reason for those that don't load.
 */
#ifndef RINGWALL_OPTIONAL_H
#define RINGWALL_OPTIONAL_H

#define REFUSED_FOR_NS (30ULL * 1000 * 1000 * 1000)
#define PF_KTHREAD 0x00200000

/*
 * A SYN that was refused is answered with a reset, a datagram with an ICMP
 * error: at once where the device's program refused it, else when it is sent
 * again, so that the client learns instead of trying for minutes.
 */
SEC("sk_lookup")
int reset_refused(struct bpf_sk_lookup *ctx)
{
	struct refused_value *refused;
	struct refused_key key = {};

	if (!refused_any ||
	    (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP))
		return SK_PASS;
	if (ctx->family == AF_INET) {
		set_address4(key.peer_address, ctx->remote_ip4);
		set_address4(key.address, ctx->local_ip4);
	} else {
		set_address6(key.peer_address, ctx->remote_ip6[0],
			     ctx->remote_ip6[1], ctx->remote_ip6[2],
			     ctx->remote_ip6[3]);
		set_address6(key.address, ctx->local_ip6[0], ctx->local_ip6[1],
			     ctx->local_ip6[2], ctx->local_ip6[3]);
	}
	key.peer_port = bpf_ntohs(ctx->remote_port);
	key.port = ctx->local_port;
	key.proto = ctx->protocol;
	refused = bpf_map_lookup_elem(&refused_packets, &key);
	if (!refused)
		return SK_PASS;
	if (bpf_ktime_get_boot_ns() - refused->time_ns > REFUSED_FOR_NS) {
		bpf_map_delete_elem(&refused_packets, &key);
		return SK_PASS;
	}
	/* One answer ends it: what follows is a new attempt. */
	bpf_map_delete_elem(&refused_packets, &key);
	return SK_DROP;
}

/* Processes in scope that are older than the programs. */
SEC("iter/task")
int dump_tasks(struct bpf_iter__task *ctx)
{
	struct rw_task_record record = {};
	struct task_struct *task = ctx->task;
	struct file *file;

	if (!task || task->pid != task->tgid || (task->flags & PF_KTHREAD))
		return 0;
	if (!in_scope(task))
		return 0;
	file = BPF_CORE_READ(task, mm, exe_file);
	if (!file)
		return 0;
	fill_file_key(&record.file, file);
	record.start_ns = BPF_CORE_READ(task, start_boottime);
	record.cgroup_id = task_cgroup_id(task);
	record.tgid = task->tgid;
	record.ppid = BPF_CORE_READ(task, real_parent, tgid);
	record.uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_INTO(&record.comm, task, comm);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

/* The control group of whoever bound each socket that is still there. */
SEC("iter/bpf_sk_storage_map")
int dump_bound(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct listening *bound = ctx->value;
	__u64 cgroup_id;

	if (!bound)
		return 0;
	cgroup_id = bound->process.cgroup_id;
	bpf_seq_write(ctx->meta->seq, &cgroup_id, sizeof(cgroup_id));
	return 0;
}

#endif
