/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The beginning and the end of sockets. */
#ifndef RINGWALL_SOCKET_H
#define RINGWALL_SOCKET_H

/* A socket that is bound may listen or receive: keep who it belongs to. */
static __always_inline int own_socket(struct bpf_sock *ctx)
{
	struct listening *bound;

	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != PROTO_MPTCP &&
	    ctx->protocol != IPPROTO_UDP && ctx->protocol != IPPROTO_UDPLITE)
		return 1;
	bound = bpf_sk_storage_get(&bound_sockets, ctx, 0,
				   BPF_SK_STORAGE_GET_F_CREATE);
	if (!bound) {
		count(RW_COUNT_STORAGE_FAILED);
		return 1;
	}
	current_process(&bound->process);
	bound->since_ns = bpf_ktime_get_boot_ns();
	bound->cookie = bpf_get_socket_cookie(ctx);
	return 1;
}

SEC("cgroup/post_bind4")
int post_bind4(struct bpf_sock *ctx)
{
	return own_socket(ctx);
}

SEC("cgroup/post_bind6")
int post_bind6(struct bpf_sock *ctx)
{
	return own_socket(ctx);
}

/*
 * The end of a datagram socket, and of a TCP socket whose last state nobody will
 * tell: older than the programs, or its SYN was never sent. Others end in that
 * state, which comes later.
 */
SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *ctx)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct connection *connection = find_connection(cookie);

	if (!connection || (connection->proto == IPPROTO_TCP &&
			    (connection->flags & CONNECTION_WATCHED)))
		return 1;
	if (connection->proto != IPPROTO_TCP)
		end_datagrams(connection);
	forget_connection(cookie);
	return 1;
}

#endif
