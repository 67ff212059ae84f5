// SPDX-License-Identifier: Apache-2.0
/*
 * Inline load of new UDP flows between two network namespaces: both ends and
 * softirq in one thread, so that the median is the pure CPU path of a flow. Over
 * a device and not the loopback, where no datagram is proved.
 *   datagram_load NETNS ADDRESS    the namespace that the server's socket is in
 * Waits for a line, so that the agent knows it: a datagram of unknown software is
 * refused. Prints "ready"; for each line N on standard input a socket asks and is
 * answered N times, each time another one; prints the median nanoseconds of one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "samples.h"

#define FLOWS_MAX 1000000
#define PORT 9300
#define ANSWER_USECONDS 200000
#define LOST_MAX 100 /* a busy machine drops some; then something is wrong */

static int open_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void enter(int namespace)
{
	if (setns(namespace, CLONE_NEWNET))
		err(1, "setns");
}

/* What is lost or refused is not waited for without end. */
static int new_socket(void)
{
	struct timeval patience = { .tv_usec = ANSWER_USECONDS };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		err(1, "socket");
	return fd;
}

static int serve_at(const struct sockaddr_in *at)
{
	int fd = new_socket();

	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)))
		err(1, "bind");
	return fd;
}

static bool hear(int fd, struct sockaddr_in *from)
{
	socklen_t bytes = sizeof(*from);
	char data;

	if (recvfrom(fd, &data, 1, 0, (struct sockaddr *)from, &bytes) == 1)
		return true;
	if (errno != EAGAIN)
		err(1, "recvfrom");
	return false;
}

static void say(int fd, const struct sockaddr_in *to)
{
	if (sendto(fd, "x", 1, 0, (const struct sockaddr *)to, sizeof(*to)) != 1)
		err(1, "sendto");
}

/* 0: a datagram was lost. */
static uint64_t ask_once(int server, const struct sockaddr_in *to)
{
	uint64_t start = now_ns();
	struct sockaddr_in from;
	int client = new_socket();
	bool answered = false;

	say(client, to);
	if (hear(server, &from)) {
		say(server, &from);
		answered = hear(client, &from);
	}
	close(client);
	return answered ? now_ns() - start : 0;
}

static uint64_t ask(int server, const struct sockaddr_in *to)
{
	static int lost;
	uint64_t took;
	char late;

	while (!(took = ask_once(server, to))) {
		if (++lost > LOST_MAX)
			errx(1, "%d datagrams were lost", lost);
		while (recv(server, &late, 1, MSG_DONTWAIT) == 1)
			;
	}
	return took;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(PORT) };
	static uint64_t took[FLOWS_MAX];
	int home, away, count;

	if (argc != 3 || inet_pton(AF_INET, argv[2], &at.sin_addr) != 1)
		errx(2, "see the file's head");
	home = open_namespace("/proc/self/ns/net");
	away = open_namespace(argv[1]);
	for (int c = 0; c != '\n'; c = getchar())
		if (c == EOF)
			errx(1, "nobody knows this program");
	puts("ready");
	fflush(stdout);
	while (scanf("%d", &count) == 1 && count > 0 && count <= FLOWS_MAX) {
		int server;

		enter(away);
		server = serve_at(&at);
		enter(home);
		for (int i = 0; i < count; i++)
			took[i] = ask(server, &at);
		close(server);
		printf("%llu\n", (unsigned long long)median(took, count));
		fflush(stdout);
	}
	return 0;
}
