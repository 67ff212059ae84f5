/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ringwall-decoy ACT ...: the one program that a drill's rules allow to reach
 * its listener. It shows that the listener can be reached, and lends itself to
 * the attempts that abuse an allowed program. Linked dynamically, as such
 * programs are.
 *   reach ADDRESS PORT TOKEN        connects and leaves the token
 *   rest                            does nothing
 *   hand ADDRESS PORT CHANNEL       hands an unconnected socket over
 *   give ADDRESS PORT CHANNEL       hands a connection over
 *   hold ADDRESS PORT CHANNEL       holds a connection, tells its number
 *   poked ADDRESS PORT CHANNEL TOKEN  connects once its word is changed
 *   listen ADDRESS SECONDS          says which tokens arrive (sink.c)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "decoy.h"

#define LIFE_SECONDS 12
#define PATIENCE_SECONDS 8
#define LOOK_EVERY_US 20000

static volatile long word;

socklen_t parse_address(const char *host, const char *port, struct sockaddr_storage *to)
{
	struct sockaddr_in6 *six = (void *)to;
	struct sockaddr_in *four = (void *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(atoi(port));
		return sizeof(*six);
	}
	inet_pton(AF_INET, host, &four->sin_addr);
	four->sin_family = AF_INET;
	four->sin_port = htons(atoi(port));
	return sizeof(*four);
}

static int finish(const char *step, int error)
{
	printf("{\"step\":\"%s\",\"errno\":%d}\n", step, error);
	fflush(stdout);
	return 0;
}

static int make_socket(const char *host)
{
	struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
	int fd = socket(strchr(host, ':') ? AF_INET6 : AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static int open_connection(char **argv)
{
	struct sockaddr_storage to;
	socklen_t bytes = parse_address(argv[2], argv[3], &to);
	int fd = make_socket(argv[2]);

	return connect(fd, (void *)&to, bytes) ? -1 : fd;
}

static int reach(char **argv, const char *token)
{
	int fd = open_connection(argv);
	char answer[8];

	if (fd < 0)
		return finish("connect", errno);
	if (send(fd, token, strlen(token), MSG_NOSIGNAL) < 0)
		return finish("send", errno);
	shutdown(fd, SHUT_WR);
	if (recv(fd, answer, sizeof(answer), 0) < 0)
		return finish("receive", errno);
	return finish("answer", 0);
}

static int hand_over(int channel, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	if (fd < 0)
		return 1;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(channel, &message, 0) < 0;
}

static int be_poked(char **argv)
{
	unsigned long at = (unsigned long)&word;

	if (write(atoi(argv[4]), &at, sizeof(at)) < 0)
		return 1;
	while (!word)
		usleep(LOOK_EVERY_US);
	return reach(argv, argv[5]);
}

static int hold(char **argv)
{
	int fd = open_connection(argv);

	if (fd < 0 || write(atoi(argv[4]), &fd, sizeof(fd)) < 0)
		return 1;
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	const char *act = argc > 1 ? argv[1] : "";

	alarm(LIFE_SECONDS);
	if (argc == 5 && strcmp(act, "reach") == 0)
		return reach(argv, argv[4]);
	if (argc == 2 && strcmp(act, "rest") == 0)
		return 0;
	if (argc == 5 && strcmp(act, "hand") == 0)
		return hand_over(atoi(argv[4]), make_socket(argv[2]));
	if (argc == 5 && strcmp(act, "give") == 0)
		return hand_over(atoi(argv[4]), open_connection(argv));
	if (argc == 5 && strcmp(act, "hold") == 0)
		return hold(argv);
	if (argc == 6 && strcmp(act, "poked") == 0)
		return be_poked(argv);
	if (argc == 4 && strcmp(act, "listen") == 0)
		return listen_for_tokens(argv[2], atoi(argv[3]));
	fputs("usage: ringwall-decoy ACT ...; it serves `ringwall drill`\n", stderr);
	return 2;
}
