// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Ends TCP connections that the policy in force denies: lists the sockets of
 * the network namespace (inet_diag), has the kernel program judge each by its
 * cookie, and destroys those it says (SOCK_DESTROY).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "diag.h"
#include "loader.h"

#define DESTROY 21 /* SOCK_DESTROY, since 4.5 */
#define ETHERNET_BYTES 14
#define OPEN_STATES \
	(1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT | 1 << TCP_FIN_WAIT1 | \
	 1 << TCP_FIN_WAIT2 | 1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK | \
	 1 << TCP_CLOSING)

struct cutting {
	int program;
	int destroy; /* netlink socket */
	int cut;
	int failed; /* the first error */
};

static bool is_denied(int program, const struct inet_diag_msg *socket)
{
	char packet[64] = {};
	__u64 cookie = cookie_of(socket);
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet,
		    .data_size_in = sizeof(packet), .repeat = 1);

	memcpy(packet + ETHERNET_BYTES, &cookie, sizeof(cookie));
	return !bpf_prog_test_run_opts(program, &run) && run.retval == 1;
}

/* 0, or why not. The kernel looks it up by its cookie: never another one. */
static int destroy(int fd, const struct inet_diag_msg *socket)
{
	struct diag_request request = {
		.what = { .sdiag_family = socket->idiag_family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .id = socket->id },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} reply;
	int error = send_diag(fd, &request, DESTROY, NLM_F_ACK);

	if (error)
		return error;
	if (recv(fd, &reply, sizeof(reply), 0) < (ssize_t)sizeof(reply.header) ||
	    reply.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return reply.error.error;
}

static void meet_socket(void *data, const struct inet_diag_msg *socket)
{
	struct cutting *cutting = data;
	int error;

	if (!is_denied(cutting->program, socket))
		return;
	error = destroy(cutting->destroy, socket);
	if (!error)
		cutting->cut++;
	else if (error != -ENOENT && !cutting->failed)
		cutting->failed = error; /* ENOENT: ended by itself */
}

static int cut_denied(int program, const struct options *options)
{
	struct cutting cutting = {
		.program = program,
		.destroy = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG),
	};
	int error = cutting.destroy < 0 ? -errno : 0;

	(void)options;
	if (!error)
		error = each_socket(IPPROTO_TCP, OPEN_STATES, meet_socket,
				    &cutting);
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
