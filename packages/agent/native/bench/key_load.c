// SPDX-License-Identifier: Apache-2.0
/*
 * Many flows at a steady rate. Prints "ready"; for each line "KIND RATE COUNT"
 * on standard input makes COUNT flows, RATE a second, and prints how many
 * milliseconds that took. KIND is "udp": one datagram to each of as many peers
 * (addresses of 10.128.0.0/9, ports from 1024), never the same twice in a run;
 * or "tcp": connections on loopback to itself, one after the other.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "samples.h"

#define NS_PER_SECOND 1000000000ULL
#define PORTS 60000
#define FIRST_PORT 1024
#define TCP_PORT 9101

static void sleep_until(uint64_t ns)
{
	struct timespec at = { .tv_sec = ns / NS_PER_SECOND,
			       .tv_nsec = ns % NS_PER_SECOND };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void send_one(int fd)
{
	static uint32_t made;
	struct sockaddr_in to = { .sin_family = AF_INET };

	to.sin_addr.s_addr = htonl((10U << 24 | 1U << 23) + made / PORTS + 1);
	to.sin_port = htons(FIRST_PORT + made % PORTS);
	made++;
	if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) != 1)
		err(1, "sendto");
}

static int listen_here(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(TCP_PORT),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 16))
		err(1, "listen");
	return fd;
}

/* A reset at the end leaves no TIME_WAIT behind. */
static void connect_one(int listener)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(TCP_PORT),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct linger reset = { .l_onoff = 1 };
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;

	if (connect(client, (struct sockaddr *)&to, sizeof(to)))
		err(1, "connect");
	server = accept(listener, NULL, NULL);
	if (server < 0)
		err(1, "accept");
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(client);
	close(server);
}

int main(void)
{
	int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int listener = listen_here();
	unsigned rate, count;
	char kind[8];

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (scanf("%7s %u %u", kind, &rate, &count) == 3 && rate > 0) {
		uint64_t start = now_ns();

		for (unsigned i = 0; i < count; i++) {
			if (i % 32 == 0)
				sleep_until(start + i * NS_PER_SECOND / rate);
			if (!strcmp(kind, "udp"))
				send_one(datagrams);
			else
				connect_one(listener);
		}
		printf("%llu\n", (unsigned long long)((now_ns() - start) / 1000000));
	}
	return 0;
}
