// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Ends TCP connections that the policy in force denies: lists the sockets of
 * the network namespace (inet_diag), has the kernel program judge each by its
 * cookie, and destroys those it says (SOCK_DESTROY).
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader.h"

#define DESTROY 21 /* SOCK_DESTROY, since 4.5 */
#define REPLY_BYTES 32768
#define ETHERNET_BYTES 14
#define OPEN_STATES \
	(1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT | 1 << TCP_FIN_WAIT1 | \
	 1 << TCP_FIN_WAIT2 | 1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK | \
	 1 << TCP_CLOSING)

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 what;
};

struct cutting {
	int program;
	int list; /* netlink socket whose answers are read */
	int destroy;
	int cut;
	int failed; /* the first error */
};

static int send_request(int fd, struct request *request, __u16 type,
			__u16 flags)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	request->header.nlmsg_len = sizeof(*request);
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST | flags;
	return sendto(fd, request, sizeof(*request), 0,
		      (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ?
		       -errno :
		       0;
}

static bool is_denied(int program, const struct inet_diag_sockid *id)
{
	char packet[64] = {};
	__u64 cookie = (__u64)id->idiag_cookie[1] << 32 | id->idiag_cookie[0];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet,
		    .data_size_in = sizeof(packet), .repeat = 1);

	memcpy(packet + ETHERNET_BYTES, &cookie, sizeof(cookie));
	return !bpf_prog_test_run_opts(program, &run) && run.retval == 1;
}

/* 0, or why not. The kernel looks it up by its cookie: never another one. */
static int destroy(int fd, const struct inet_diag_msg *socket)
{
	struct request request = {
		.what = { .sdiag_family = socket->idiag_family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .id = socket->id },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} reply;
	int error = send_request(fd, &request, DESTROY, NLM_F_ACK);

	if (error)
		return error;
	if (recv(fd, &reply, sizeof(reply), 0) < (ssize_t)sizeof(reply.header) ||
	    reply.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return reply.error.error;
}

static void meet_socket(struct cutting *cutting,
			const struct inet_diag_msg *socket)
{
	int error;

	if (!is_denied(cutting->program, &socket->id))
		return;
	error = destroy(cutting->destroy, socket);
	if (!error)
		cutting->cut++;
	else if (error != -ENOENT && !cutting->failed)
		cutting->failed = error; /* ENOENT: ended by itself */
}

/* Reads one answer of the listing; 1 at its end, else 0 or an error. */
static int read_sockets(struct cutting *cutting)
{
	char buffer[REPLY_BYTES] __attribute__((aligned(8)));
	ssize_t bytes = recv(cutting->list, buffer, sizeof(buffer), 0);
	struct nlmsghdr *message = (struct nlmsghdr *)buffer;

	if (bytes < 0)
		return errno == EINTR ? 0 : -errno;
	for (; NLMSG_OK(message, bytes); message = NLMSG_NEXT(message, bytes)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *)NLMSG_DATA(message))->error ?:
				       -EPROTO;
		meet_socket(cutting, NLMSG_DATA(message));
	}
	return 0;
}

static int cut_family(struct cutting *cutting, __u8 family)
{
	struct request request = {
		.what = { .sdiag_family = family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = OPEN_STATES },
	};
	int error = send_request(cutting->list, &request, SOCK_DIAG_BY_FAMILY,
				 NLM_F_DUMP);

	while (!error)
		error = read_sockets(cutting);
	return error < 0 ? error : 0;
}

static int cut_denied(int program, const struct options *options)
{
	struct cutting cutting = {
		.program = program,
		.list = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG),
		.destroy = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG),
	};
	int error = cutting.list < 0 || cutting.destroy < 0 ? -errno : 0;

	(void)options;
	if (!error)
		error = cut_family(&cutting, AF_INET);
	if (!error)
		error = cut_family(&cutting, AF_INET6);
	close(cutting.list);
	close(cutting.destroy);
	printf("%d\n", cutting.cut);
	return error ? error : cutting.failed;
}

int command_cut(const struct options *options)
{
	struct rw_meta meta;
	int error;

	if (!read_meta(options->pin, &meta)) {
		complain("nothing is pinned at `%s`", options->pin);
		return EXIT_FAILED;
	}
	error = with_program(options, CUT_PROGRAM, cut_denied);

	if (!error)
		return EXIT_FINE;
	complain("can't end all connections that are denied now: %s%s",
		 strerror(-error),
		 error == -EOPNOTSUPP ?
			 " (the kernel is built without CONFIG_INET_DIAG_DESTROY)" :
			 "");
	return EXIT_FAILED;
}
