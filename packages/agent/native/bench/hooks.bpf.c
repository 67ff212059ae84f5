// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The hooks that every kernel's data plane needs, with programs that do
 * nothing: what nobody's verdict can cost less than (bench/hooks.ts).
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define DO_NOTHING(section, name, context) \
	SEC(section)                       \
	int name(struct context *ctx)      \
	{                                  \
		return 1;                  \
	}

DO_NOTHING("cgroup/sock_create", sock_create, bpf_sock)
DO_NOTHING("cgroup/sock_release", sock_release, bpf_sock)
DO_NOTHING("cgroup/connect4", connect4, bpf_sock_addr)
DO_NOTHING("cgroup/sendmsg4", sendmsg4, bpf_sock_addr)
DO_NOTHING("cgroup/setsockopt", setsockopt, bpf_sockopt)
DO_NOTHING("cgroup_skb/ingress", ingress, __sk_buff)
DO_NOTHING("cgroup_skb/egress", egress, __sk_buff)
DO_NOTHING("sockops", sock_ops, bpf_sock_ops)
