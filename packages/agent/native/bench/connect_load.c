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
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1000000

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

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
		qsort(took, count, sizeof(*took), compare);
		printf("%llu\n", (unsigned long long)took[count / 2]);
		fflush(stdout);
	}
	return 0;
}
