/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* LSM programs that refuse sockets (optional): listen(), packet sockets. */
#ifndef RINGWALL_LSM_SOCKETS_H
#define RINGWALL_LSM_SOCKETS_H

/* Its own address; a socket that listens already only changes its backlog. */
static __always_inline bool is_judged_listener(struct sock *sk, __u16 family)
{
	__u32 word[4] = {};

	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTENING)
		return false;
	if (family == AF_INET)
		return !is_loopback4(
			BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	if (family != AF_INET6)
		return false;
	BPF_CORE_READ_INTO(&word, sk,
			   __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
	return !is_loopback6(word[0], word[1], word[2], word[3]);
}

SEC("lsm/socket_listen")
int BPF_PROG(listen_check, struct socket *socket, int backlog, int before)
{
	struct connection connection;
	struct rw_process process;
	struct rw_slot *slot;
	struct sock *sk;
	__u64 in;
	__u16 family, port, proto;
	__u32 index;

	slot = judging_slot(bpf_get_current_cgroup_id(), &index);
	if (before || !slot || !in_scope((void *)bpf_get_current_task_btf()))
		return before ? -EPERM : 0;
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	proto = BPF_CORE_READ(sk, sk_protocol);
	port = BPF_CORE_READ(sk, __sk_common.skc_num);
	/* Without bind() the kernel chooses a port, and tells it afterwards. */
	if ((proto != IPPROTO_TCP && proto != PROTO_MPTCP) || !port ||
	    !is_judged_listener(sk, family))
		return 0;
	current_process(&process);
	if (process.flags & (RW_TASK_AGENT | RW_TASK_PENDING))
		return 0;
	start_waiting(&connection, &process, family == AF_INET, port,
		      IPPROTO_TCP);
	in = ask_inbound(&connection, index);
	if (in >> 32 != RW_VERDICT_BLOCKED)
		return 0;
	record_waiting(&connection, slot, index, (__u32)in,
		       RW_VERDICT_BLOCKED);
	return -EPERM;
}

SEC("lsm/socket_create")
int BPF_PROG(packet_socket, int family, int type, int protocol, int kern,
	     int before)
{
	struct target target = { .proto = RW_PROTO_OTHER };
	struct connection connection;

	if (before || kern ||
	    (family != AF_PACKET && family != AF_XDP) ||
	    !in_scope((void *)bpf_get_current_task_btf()))
		return before ? -EPERM : 0;
	start_outbound(&connection, &target);
	if (judge_creation(&connection, true))
		return 0;
	/* A constant of its own: computed in 32 bits it would be no errno. */
	asm volatile("" ::: "memory");
	return -EPERM;
}

#endif
