/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a sockops callback is about: its connection and its addresses. */
#ifndef RINGWALL_OPS_H
#define RINGWALL_OPS_H

static __always_inline struct connection *connection_of(struct bpf_sock_ops *ops)
{
	__u64 cookie = bpf_get_socket_cookie(ops);

	return find_connection(cookie);
}

/*
 * Reads all words first: a load behind a branch may become a load through a
 * computed context pointer, which the verifier refuses.
 */
static __always_inline void set_remote(__u8 address[16],
				       struct bpf_sock_ops *ops)
{
	__u32 ip = ops->remote_ip4;
	__u32 a = ops->remote_ip6[0];
	__u32 b = ops->remote_ip6[1];
	__u32 c = ops->remote_ip6[2];
	__u32 d = ops->remote_ip6[3];

	barrier_var(ip);
	barrier_var(d);
	if (ops->family == AF_INET)
		set_address4(address, ip);
	else
		set_address6(address, a, b, c, d);
}

static __always_inline void set_local(__u8 address[16],
				      struct bpf_sock_ops *ops)
{
	__u32 ip = ops->local_ip4;
	__u32 a = ops->local_ip6[0];
	__u32 b = ops->local_ip6[1];
	__u32 c = ops->local_ip6[2];
	__u32 d = ops->local_ip6[3];

	barrier_var(ip);
	barrier_var(d);
	if (ops->family == AF_INET)
		set_address4(address, ip);
	else
		set_address6(address, a, b, c, d);
}

#endif
