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
 * All words are read before: a load behind a branch may become a load through a
 * computed context pointer, which the verifier refuses.
 */
static __always_inline void set_either(__u8 address[16], __u32 family, __u32 ip,
				       __u32 a, __u32 b, __u32 c, __u32 d)
{
	barrier_var(ip);
	barrier_var(d);
	if (family == AF_INET)
		set_address4(address, ip);
	else
		set_address6(address, a, b, c, d);
}

static __always_inline void set_remote(__u8 address[16],
				       struct bpf_sock_ops *ops)
{
	set_either(address, ops->family, ops->remote_ip4, ops->remote_ip6[0],
		   ops->remote_ip6[1], ops->remote_ip6[2], ops->remote_ip6[3]);
}

static __always_inline void set_local(__u8 address[16],
				      struct bpf_sock_ops *ops)
{
	set_either(address, ops->family, ops->local_ip4, ops->local_ip6[0],
		   ops->local_ip6[1], ops->local_ip6[2], ops->local_ip6[3]);
}

#endif
