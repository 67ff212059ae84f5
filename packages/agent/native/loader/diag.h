/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel's list of sockets (inet_diag), in the network namespace we are in. */
#ifndef RINGWALL_DIAG_H
#define RINGWALL_DIAG_H

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

struct diag_request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 what;
};

/* 0 or a negative errno. */
int send_diag(int fd, struct diag_request *request, __u16 type, __u16 flags);

/* Calls for each socket over IPv4 and IPv6 in one of the states (1 << state). */
int each_socket(__u8 proto, __u32 states,
		void (*meet)(void *data, const struct inet_diag_msg *socket),
		void *data);

/* As the programs know it. */
static inline __u64 cookie_of(const struct inet_diag_msg *socket)
{
	return (__u64)socket->id.idiag_cookie[1] << 32 |
	       socket->id.idiag_cookie[0];
}

#endif
