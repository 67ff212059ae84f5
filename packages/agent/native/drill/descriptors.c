/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sockets of the allowed program in other hands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "canary.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define DESCRIPTOR_TEXT_BYTES 16

extern char **environ;

static int receive_descriptor(int channel)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *head;
	int fd = -1;

	if (recvmsg(channel, &message, 0) <= 0)
		return -1;
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* Starts the decoy as `act`, with one end of a channel; returns the other. */
static int start_decoy(const struct target *target, char *act, pid_t *child)
{
	char number[DESCRIPTOR_TEXT_BYTES];
	int channel[2];

	must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, channel));
	*child = must("fork", fork());
	if (*child == 0) {
		char *argv[] = { target->decoy, act, target->host, target->port, number, NULL };

		close(channel[0]);
		snprintf(number, sizeof(number), "%d", channel[1]);
		become(target->decoy, argv, environ);
	}
	close(channel[1]);
	return channel[0];
}

/* The allowed program makes the socket, and another one connects it. */
void by_handed_socket(const struct target *target)
{
	pid_t child;
	int fd = receive_descriptor(start_decoy(target, "hand", &child));

	if (fd < 0)
		skip("the decoy handed nothing over");
	must("connect", connect_to(target, fd));
	leave_token(target, fd);
}

/* A connection of the allowed program, taken out of it. */
void by_stolen_socket(const struct target *target)
{
	int channel, process, fd, theirs = -1;
	pid_t child;

	channel = start_decoy(target, "hold", &child);
	if (read(channel, &theirs, sizeof(theirs)) != sizeof(theirs))
		skip("the decoy has no connection");
	process = must("pidfd_open", syscall(SYS_pidfd_open, child, 0));
	fd = must("pidfd_getfd", syscall(SYS_pidfd_getfd, process, theirs, 0));
	leave_token(target, fd);
}

/* A connection that the allowed program gives away of its own accord. */
void by_inherited_socket(const struct target *target)
{
	pid_t child;
	int fd = receive_descriptor(start_decoy(target, "give", &child));

	if (fd < 0)
		skip("the decoy handed nothing over");
	leave_token(target, fd);
}
