// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag.h"

#define REPLY_BYTES 32768

int send_diag(int fd, struct diag_request *request, __u16 type, __u16 flags)
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

/* Reads one answer of the listing; 1 at its end, else 0 or an error. */
static int read_sockets(int fd,
			void (*meet)(void *, const struct inet_diag_msg *),
			void *data)
{
	char buffer[REPLY_BYTES] __attribute__((aligned(8)));
	ssize_t bytes = recv(fd, buffer, sizeof(buffer), 0);
	struct nlmsghdr *message = (struct nlmsghdr *)buffer;

	if (bytes < 0)
		return errno == EINTR ? 0 : -errno;
	for (; NLMSG_OK(message, bytes); message = NLMSG_NEXT(message, bytes)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *)NLMSG_DATA(message))->error ?:
				       -EPROTO;
		meet(data, NLMSG_DATA(message));
	}
	return 0;
}

int each_socket(__u8 proto, __u32 states,
		void (*meet)(void *data, const struct inet_diag_msg *socket),
		void *data)
{
	static const __u8 families[] = { AF_INET, AF_INET6 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG);
	int error = fd < 0 ? -errno : 0;

	for (int i = 0; i < 2 && !error; i++) {
		struct diag_request request = {
			.what = { .sdiag_family = families[i],
				  .sdiag_protocol = proto,
				  .idiag_states = states },
		};

		error = send_diag(fd, &request, SOCK_DIAG_BY_FAMILY,
				  NLM_F_DUMP);
		while (!error)
			error = read_sockets(fd, meet, data);
		error = error < 0 ? error : 0;
	}
	if (fd >= 0)
		close(fd);
	return error;
}
