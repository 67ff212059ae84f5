// SPDX-License-Identifier: Apache-2.0
/*
 * Inline load: client, server and softirq in one thread on loopback, so that
 * the median is the pure CPU path of a connection and holds on a busy machine.
 * Prints "ready"; for each line N on standard input makes N connections and
 * prints the median nanoseconds of one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "samples.h"

#define CONNECTIONS_MAX 1000000

static int listen_on(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)at, sizeof(*at)) || listen(fd, 16))
		err(1, "listen");
	return fd;
}

/* A reset at the end leaves no TIME_WAIT behind. */
static uint64_t connect_once(int listener, const struct sockaddr_in *to)
{
	struct linger reset = { .l_onoff = 1 };
	uint64_t start = now_ns();
	int client, server;

	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(client, (const struct sockaddr *)to, sizeof(*to)))
		err(1, "connect");
	server = accept(listener, NULL, NULL);
	if (server < 0)
		err(1, "accept");
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(client);
	close(server);
	return now_ns() - start;
}

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(9100),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	static uint64_t took[CONNECTIONS_MAX];
	int count;

	puts("ready");
	fflush(stdout);
	while (scanf("%d", &count) == 1 && count > 0 && count <= CONNECTIONS_MAX) {
		int listener = listen_on(&at);

		for (int i = 0; i < count; i++)
			took[i] = connect_once(listener, &at);
		close(listener);
		printf("%llu\n", (unsigned long long)median(took, count));
		fflush(stdout);
	}
	return 0;
}
