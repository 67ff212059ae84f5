/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The drill's own listener, TCP and UDP on one free port. It keeps no
 * privileges and does nothing but say what arrives: a connection counts though
 * it leaves no token (`tcp -`).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "decoy.h"

#define NOBODY 65534
#define CLIENTS_MAX 32
#define TOKENS_MAX 4096
#define TOKEN_BYTES_MAX 120
#define CLIENT_SECONDS_MAX 10
#define PORT_TRIES 16
#define PORT_TEXT_BYTES 8

enum place { TCP, UDP, FIRST_CLIENT };

struct client {
	int fd;
	time_t until;
};

static struct client clients[CLIENTS_MAX];

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* What came is a stranger's: only what a token is made of is passed on. */
static void tell(const char *proto, char *token, ssize_t bytes)
{
	static int told;

	if (told++ >= TOKENS_MAX)
		exit(0);
	for (ssize_t i = 0; i < bytes; i++)
		if (!isalnum((unsigned char)token[i]) && token[i] != '-' && token[i] != '.')
			bytes = 0;
	printf("%s %.*s\n", proto, bytes > 0 ? (int)bytes : 1, bytes > 0 ? token : "-");
	fflush(stdout);
}

/* The same port for both; 0 where there is none. */
static int open_both(const char *host, int fds[2])
{
	struct sockaddr_storage own;
	char port[PORT_TEXT_BYTES] = "0";
	socklen_t bytes;

	for (int tries = 0; tries < PORT_TRIES; tries++) {
		bytes = parse_address(host, "0", &own);
		fds[TCP] = socket(own.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		fds[UDP] = socket(own.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (bind(fds[TCP], (void *)&own, bytes))
			return 0;
		getsockname(fds[TCP], (void *)&own, &bytes);
		snprintf(port, sizeof(port), "%d",
			 ntohs(((struct sockaddr_in *)&own)->sin_port));
		if (!bind(fds[UDP], (void *)&own, bytes) && !listen(fds[TCP], CLIENTS_MAX))
			return atoi(port);
		close(fds[TCP]);
		close(fds[UDP]);
	}
	return 0;
}

static void accept_client(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (clients[i].fd >= 0)
			continue;
		clients[i].fd = fd;
		clients[i].until = now() + CLIENT_SECONDS_MAX;
		return;
	}
	tell("tcp", NULL, 0);
	close(fd);
}

static void hear_client(struct client *client)
{
	char token[TOKEN_BYTES_MAX];
	ssize_t got = recv(client->fd, token, sizeof(token), MSG_DONTWAIT);

	tell("tcp", token, got);
	send(client->fd, "ok", 2, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(client->fd);
	client->fd = -1;
}

static void hear_datagram(int fd)
{
	char token[TOKEN_BYTES_MAX];
	ssize_t got = recv(fd, token, sizeof(token), MSG_DONTWAIT);

	if (got >= 0)
		tell("udp", token, got);
}

static void look(int fds[2])
{
	struct pollfd polled[FIRST_CLIENT + CLIENTS_MAX];

	polled[TCP] = (struct pollfd){ fds[TCP], POLLIN, 0 };
	polled[UDP] = (struct pollfd){ fds[UDP], POLLIN, 0 };
	for (int i = 0; i < CLIENTS_MAX; i++)
		polled[FIRST_CLIENT + i] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
	if (poll(polled, FIRST_CLIENT + CLIENTS_MAX, 1000) < 0)
		return;
	if (polled[TCP].revents)
		accept_client(fds[TCP]);
	if (polled[UDP].revents)
		hear_datagram(fds[UDP]);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (clients[i].fd < 0)
			continue;
		if (polled[FIRST_CLIENT + i].revents || clients[i].until < now())
			hear_client(&clients[i]);
	}
}

int listen_for_tokens(const char *host, int seconds)
{
	time_t end = now() + seconds;
	int fds[2], port;

	alarm(0);
	if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
			       setresuid(NOBODY, NOBODY, NOBODY)))
		return 1;
	port = open_both(host, fds);
	if (!port) {
		fprintf(stderr, "ringwall-decoy: no listener on %s: %s\n", host, strerror(errno));
		return 1;
	}
	for (int i = 0; i < CLIENTS_MAX; i++)
		clients[i].fd = -1;
	printf("ready %d\n", port);
	fflush(stdout);
	while (now() < end)
		look(fds);
	return 0;
}
